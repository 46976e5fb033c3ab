"""Detects lanes whose position does not move although records wait in their logs. Pure.

Patience is counted in the time that the pipeline had for a lane: the seconds it waited for records and got none of
any lane. While it is busy with the records of other lanes, this one may merely wait for its turn, so that time
counts only against a limit ten times as long. An empty fetch now and then, as after a start, shortens the patience
by its own fraction of a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.lanes.positions import LaneKey

# A lane is stuck after so many seconds without progress in which the pipeline was idle, or so many of any kind.
STUCK_AFTER = 30.0
STUCK_WHILE_BUSY_AFTER = 300.0


@dataclass(frozen=True, slots=True)
class _Watch:
    """Since when a lane has been at an offset, and how long the pipeline had been idle by then."""

    offset: int
    since: float
    idle_before: float


class StallDetector:
    """Watches the lanes of one pipeline."""

    def __init__(self) -> None:
        self._watched: dict[LaneKey, _Watch] = {}
        self._idle = 0.0

    def note_idle(self, seconds: float) -> None:
        """Add the seconds that a fetch waited in vain, or that the pipeline paused with no lane to read."""
        self._idle += seconds

    def stuck_lanes(self, now: float, waiting: Mapping[LaneKey, int]) -> set[LaneKey]:
        """Return the lanes that are stuck.

        now: monotonic seconds. waiting: the next offset of every lane for which records wait; to move on or to have
        none waiting begins a lane's count anew.
        """
        watched = {}
        for key, offset in waiting.items():
            watch = self._watched.get(key)
            if watch is None or watch.offset != offset:
                watch = _Watch(offset, now, self._idle)
            watched[key] = watch
        self._watched = watched
        return {
            key
            for key, watch in watched.items()
            if self._idle - watch.idle_before >= STUCK_AFTER or now - watch.since >= STUCK_WHILE_BUSY_AFTER
        }
