"""Step charts of values over days, as paths of SVG in a box of WIDTH by HEIGHT that is stretched to its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH: Final = 1000
HEIGHT: Final = 100
# Of the range of values, left free above, and below where there are negative ones.
_MARGIN: Final = 0.08


@dataclass(frozen=True, slots=True)
class Scale:
    """Which value is how far from above. ground: the value at the bottom. unit: heights of one point."""

    ground: float
    unit: float

    @classmethod
    def of(cls, values: Sequence[int], levels: Sequence[int] = ()) -> Scale:
        """Return a scale for values and 0, with the next of the levels above them where it is near.

        levels: rising. One that is far away would press the line flat.
        """
        highest = max(0, *values)
        near = [level for level in levels if highest < level <= 2 * max(highest, 1)]
        top, bottom = max([highest, *near[:1]]), min(0, *values)
        free = (top - bottom or 1) * _MARGIN
        ground = bottom - (free if bottom < 0 else 0)
        return cls(ground, HEIGHT / (top + free - ground))

    def y(self, value: float) -> float:
        """Return how far from above a value is; outside the box: it is not shown."""
        return round(HEIGHT - (value - self.ground) * self.unit, 2)


@dataclass(frozen=True, slots=True)
class Chart:
    """line, area: paths. zero: the height of 0."""

    line: str
    area: str
    zero: float


def draw_steps(points: Sequence[tuple[float, int]], scale: Scale) -> Chart:
    """Return the chart of values, each from its place (0 to WIDTH) to that of the next, the last one to the end."""
    begin, first = points[0]
    line = [f"M{begin:g} {scale.y(first):g}"]
    for x, value in points[1:]:
        line += [f"H{round(x, 2):g}", f"V{scale.y(value):g}"]
    line.append(f"H{WIDTH}")
    path, zero = " ".join(line), scale.y(0)
    return Chart(path, f"{path} V{zero:g} H{begin:g} Z", zero)
