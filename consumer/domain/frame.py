"""Frames: what a profile version makes of the sum of a group, or of overall (semantics 5.24 to 5.33). Pure."""

from __future__ import annotations

from dataclasses import dataclass


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

    def band(self, shown: int) -> str | None:
        """Return the key of the band of shown points, None where there are no bands."""
        for band in reversed(self.bands):
            if band.least is None or shown >= band.least:
                return band.key
        return None


PLAIN = Frame()
