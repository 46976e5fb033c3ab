"""The rules of a profile by group: points, how often they have counted lately, and their share of all points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from consumer.web.console.profiles.profile_page import ProfilePage


@dataclass(frozen=True, slots=True)
class Counted:
    """How often each definition has counted lately. counts: None where that is not known.

    is_exact: whether all events were counted, else they are estimates. at: when. is_coming: they are being counted.
    """

    counts: Mapping[str, int] | None
    days: int
    is_exact: bool
    at: str
    is_coming: bool = False

    def of(self, definition: str) -> int | None:
        """Return how often a definition has counted; None: not known."""
        return None if self.counts is None else self.counts.get(definition, 0)


@dataclass(frozen=True, slots=True)
class Rule:
    """A definition under the draft.

    text: what its field shows: what was typed, or the profile's own points. was: its own points as they are stored.
    share: of all points that rules have given lately, what this one gave; of one that subtracts, what it took,
    compared with what was given. None: not known.
    """

    key: str
    name: str
    text: str
    was: str
    points: int
    live: int | None
    live_group: str | None
    is_pending: bool
    counted: int | None
    share: float | None
    is_typed: bool
    fault: str


@dataclass(frozen=True, slots=True)
class RuleGroup:
    """The rules of one group."""

    key: str
    name: str
    place: int
    rules: list[Rule]


def grouped_rules(
    page: ProfilePage, counted: Counted, typed: Mapping[str, str], faults: Mapping[str, str]
) -> list[RuleGroup]:
    """Return the rules by group, in the order of the catalog. typed, faults: by definition."""
    definitions: Sequence[Mapping[str, Any]] = page.profile["definitions"]
    given = sum(
        max(0, each["draft"]["points"]) * (counted.of(each["definition"]) or 0) for each in definitions
    )
    by_group: dict[str, list[Rule]] = {}
    for each in definitions:
        rule = _rule(each, counted, given, typed, faults)
        by_group.setdefault(each["draft"]["group"], []).append(rule)
    order = [each["key"] for each in page.groups]
    keys = sorted(by_group, key=lambda key: order.index(key) if key in order else len(order))
    return [RuleGroup(key, page.group_name(key), page.group_place(key), by_group[key]) for key in keys]


def _rule(
    each: Mapping[str, Any],
    counted: Counted,
    given: int,
    typed: Mapping[str, str],
    faults: Mapping[str, str],
) -> Rule:
    key, live, points = each["definition"], each["live"], each["draft"]["points"]
    was = "" if each["own"] is None else str(each["own"])
    times = counted.of(key)
    share = points * times / given if given and times is not None else None
    moved = live is not None and live["group"] != each["draft"]["group"]
    return Rule(
        key=key,
        name=each["name"],
        text=typed.get(key, was),
        was=was,
        points=points,
        live=live["points"] if live else None,
        live_group=live["group"] if moved else None,
        is_pending=each["pending"],
        counted=times,
        share=share,
        is_typed=key in typed,
        fault=faults.get(key, ""),
    )
