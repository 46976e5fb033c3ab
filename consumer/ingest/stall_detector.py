"""Which lanes stand still although records wait for them.

Owns that judgement, from what it is told each second. Never asks anybody, and never does anything about it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.lanes.positions import LaneKey

# Seconds without progress: where in all that time a fetch came back empty, so that it is not for want of time; and
# where the worker was busy with other lanes throughout.
STUCK_AFTER = 30.0
BUSY_AFTER = 300.0


@dataclass(slots=True)
class _Watch:
    """Since when a lane has stood at an offset, and whether there was time for it."""

    offset: int
    since: float
    had_time: bool


class Standstill:
    """Watches the lanes of one pipeline."""

    def __init__(self) -> None:
        self._watched: dict[LaneKey, _Watch] = {}

    def look(self, now: float, waiting: Mapping[LaneKey, int], *, had_time: bool) -> set[LaneKey]:
        """Return the lanes that are stuck.

        waiting: the next offset of every lane for which records wait. had_time: whether some fetch found nothing
        since the last look, or the pipeline as a whole did nothing. now: monotonic seconds.
        """
        watched = {}
        stuck = set()
        for key, offset in waiting.items():
            watch = self._watched.get(key)
            if watch is None or watch.offset != offset:
                watch = _Watch(offset, now, had_time=False)
            watch.had_time = watch.had_time or had_time
            watched[key] = watch
            if now - watch.since >= (STUCK_AFTER if watch.had_time else BUSY_AFTER):
                stuck.add(key)
        self._watched = watched
        return stuck
