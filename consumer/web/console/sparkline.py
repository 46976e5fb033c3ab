"""A small line of what a score was on the last days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

# Of the drawing, and what stays free around the line.
WIDTH: Final = 72
HEIGHT: Final = 20
_MARGIN: Final = 2.5


@dataclass(frozen=True, slots=True)
class Sparkline:
    """points: of an SVG polyline. end: where its last point is. change: the last value less the first."""

    points: str
    end: tuple[float, float]
    change: int


def sparkline(values: Sequence[int]) -> Sparkline:
    """Return the line of some values, the oldest first; in the middle where they are all the same."""
    least, most = min(values), max(values)
    across = (WIDTH - 2 * _MARGIN) / (len(values) - 1)
    up = HEIGHT - 2 * _MARGIN
    places = [
        (
            round(_MARGIN + across * number, 1),
            round(_MARGIN + up * ((most - value) / (most - least) if most > least else 0.5), 1),
        )
        for number, value in enumerate(values)
    ]
    return Sparkline(" ".join(f"{x},{y}" for x, y in places), places[-1], values[-1] - values[0])
