"""Detects lanes whose position does not move although records wait in their logs. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.lanes.positions import LaneKey

# Seconds without progress after which a lane is stuck: if some fetch came back empty meanwhile, so that the lane
# was not waiting for its turn; and if the worker was busy with other lanes all the time.
STUCK_AFTER = 30.0
STUCK_WHILE_BUSY_AFTER = 300.0


@dataclass(slots=True)
class _Watch:
    """Since when a lane has been at an offset, and whether some fetch came back empty since."""

    offset: int
    since: float
    was_idle: bool


class StallDetector:
    """Watches the lanes of one pipeline."""

    def __init__(self) -> None:
        self._watched: dict[LaneKey, _Watch] = {}

    def stuck_lanes(self, now: float, waiting: Mapping[LaneKey, int], *, was_idle: bool) -> set[LaneKey]:
        """Return the lanes that are stuck.

        now: monotonic seconds. waiting: the next offset of every lane for which records wait. was_idle: whether
        some fetch came back empty since the last call, or the pipeline as a whole did nothing.
        """
        watched = {}
        stuck = set()
        for key, offset in waiting.items():
            watch = self._watched.get(key)
            if watch is None or watch.offset != offset:
                watch = _Watch(offset, now, was_idle=False)
            watch.was_idle = watch.was_idle or was_idle
            watched[key] = watch
            if now - watch.since >= (STUCK_AFTER if watch.was_idle else STUCK_WHILE_BUSY_AFTER):
                stuck.add(key)
        self._watched = watched
        return stuck
