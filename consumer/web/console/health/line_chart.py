"""A line over the last hour, as the points of an SVG: 240 wide and 48 high, gaps where nothing is known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH: Final = 240
HEIGHT: Final = 48
_SPAN: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class LineChart:
    """lines: the points of each unbroken part. areas: the same with the ground below. most: the greatest value.

    most: None where no value is known.
    """

    lines: list[str]
    areas: list[str]
    most: int | None


def drawn(now: datetime, values: Sequence[tuple[str, int | None]]) -> LineChart:
    """Return the line of values, each with its instant, oldest first."""
    most = max((value for _, value in values if value is not None), default=None)
    parts: list[list[tuple[float, float]]] = [[]]
    for at, value in values:
        if value is None:
            parts.append([])
            continue
        x = WIDTH * (1 - (now - datetime.fromisoformat(at)) / _SPAN)
        if x >= 0:
            parts[-1].append((min(x, WIDTH), HEIGHT - HEIGHT * value / max(most or 0, 1)))
    known = [part for part in parts if part]
    return LineChart([_points(part) for part in known], [_points(_closed(part)) for part in known], most)


def _closed(part: list[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(part[0][0], HEIGHT), *part, (part[-1][0], HEIGHT)]


def _points(part: list[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in part)
