"""Where bands lie on a line of points, for a drawing."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

# Open ends of the line, and the least that lies between two of its marks, as parts of it: names have room.
_MARGIN = 0.2
_LEAST = 0.14


@dataclass(frozen=True, slots=True)
class Stretch:
    """A band on the line. start, width: per cent of the line. least: None for the first, which has no lower end."""

    key: str
    place: int
    start: float
    width: float
    least: int | None


@dataclass(frozen=True, slots=True)
class BandRange:
    """The line of points with its bands, and where its bounds are, in per cent; None: it is not bounded there."""

    stretches: list[Stretch]
    floor: float | None
    cap: float | None


def band_range(frame: Mapping[str, Any]) -> BandRange | None:
    """Return the drawing of a frame; None: it has neither bands nor bounds."""
    floor, cap, bands = frame["floor"], frame["cap"], frame["bands"]
    marks = sorted({mark for mark in (floor, cap, *(band["min"] for band in bands)) if mark is not None})
    if not marks:
        return None
    at = _places(marks, starts_open=floor is None, ends_open=cap is None)
    edges = [0.0, *(at[band["min"]] for band in bands[1:]), 100.0]
    stretches = [
        Stretch(band["key"], place, edges[place], round(edges[place + 1] - edges[place], 2), band["min"])
        for place, band in enumerate(bands)
    ]
    return BandRange(stretches, None if floor is None else at[floor], None if cap is None else at[cap])


def _places(marks: list[int], *, starts_open: bool, ends_open: bool) -> dict[int, float]:
    """Return where marks lie, in per cent: in proportion, but that each stretch has its least length."""
    whole = max(1, marks[-1] - marks[0])
    lengths = [max(_LEAST, (after - before) / whole) for before, after in pairwise(marks)]
    lengths = [_MARGIN if starts_open else 0.0, *lengths, _MARGIN if ends_open else 0.0]
    total = sum(lengths) or 1.0
    ends = accumulate(lengths)
    return {mark: round(100 * end / total, 2) for mark, end in zip(marks, ends, strict=False)}
