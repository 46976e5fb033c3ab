"""Frames: what a profile version makes of the sum of a group, or of overall (semantics 5.24 to 5.33). Pure."""

from __future__ import annotations

from dataclasses import dataclass

# Beyond any sum.
_UNBOUNDED = 2**62


@dataclass(frozen=True, slots=True)
class Band:
    """A named range of shown points, from `least` on; None: of the first one, which has no lower end."""

    key: str
    least: int | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """Bounds and bands; None: not bounded. apart: of a group, that it is no part of overall."""

    floor: int | None = None
    cap: int | None = None
    apart: bool = False
    bands: tuple[Band, ...] = ()

    def shown(self, points: int) -> int:
        """Return a sum within the bounds."""
        if self.cap is not None and points > self.cap:
            return self.cap
        if self.floor is not None and points < self.floor:
            return self.floor
        return points

    def sums(self, least: int, most: int) -> tuple[int, int]:
        """Return the range of sums that show points from `least` to `most`, both included; (1, 0): none does."""
        if (self.cap is not None and least > self.cap) or (self.floor is not None and most < self.floor):
            return 1, 0
        return (
            -_UNBOUNDED if self.floor is not None and least <= self.floor else least,
            _UNBOUNDED if self.cap is not None and most >= self.cap else most,
        )

    def band_range(self, key: str) -> tuple[int, int] | None:
        """Return the least and the most shown points of a band; None: there is no such band."""
        for place, band in enumerate(self.bands):
            if band.key == key:
                above = self.bands[place + 1].least if place + 1 < len(self.bands) else None
                least = -_UNBOUNDED if band.least is None else band.least
                return least, _UNBOUNDED if above is None else above - 1
        return None

    def band(self, shown: int) -> str | None:
        """Return the key of the band of shown points, None where there are no bands."""
        found = None
        for band in self.bands:  # most contacts are in the first
            if band.least is not None and shown < band.least:
                break
            found = band.key
        return found


PLAIN = Frame()
