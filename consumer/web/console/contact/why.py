"""Why a score is what it is: lines that add up, and which of them can be taken back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Adjusted:
    """Points that a person gave or took. is_undone: by another. can_undo: it is neither undone nor an undoing."""

    of: Mapping[str, Any]
    is_undone: bool
    can_undo: bool


@dataclass(frozen=True, slots=True)
class GroupLines:
    """A group's lines. of: as the API has it."""

    of: Mapping[str, Any]
    adjustments: Sequence[Adjusted]

    @property
    def is_empty(self) -> bool:
        """Whether nothing has counted in it."""
        return not (self.of["definitions"] or self.adjustments or self.of["bounded"])


@dataclass(frozen=True, slots=True)
class Why:
    """parts: the groups that add up, with `bounded`, to `overall`. apart: the others."""

    parts: Sequence[GroupLines]
    apart: Sequence[GroupLines]
    overall: int
    bounded: int
    band: str | None

    @property
    def is_empty(self) -> bool:
        """Whether nothing has counted at all."""
        return all(each.is_empty for each in (*self.parts, *self.apart))


def why(explanation: Mapping[str, Any], adjustments: Sequence[Mapping[str, Any]]) -> Why:
    """Return the lines of the API's explanation. adjustments: those that are known to be undone or not."""
    known = {each["id"]: each for each in adjustments}
    groups = [
        GroupLines(group, [_adjusted(each, known.get(each["id"])) for each in group["adjustments"]])
        for group in explanation["groups"]
    ]
    return Why(
        [each for each in groups if not each.of["apart"]],
        [each for each in groups if each.of["apart"]],
        explanation["overall"],
        explanation["bounded"],
        explanation["band"],
    )


def _adjusted(line: Mapping[str, Any], known: Mapping[str, Any] | None) -> Adjusted:
    is_undone = known is not None and known["undone_by"] is not None
    return Adjusted(line, is_undone, known is not None and not is_undone and known["undoes"] is None)
