"""Decides how many pipelines of a process read: one while it keeps up, more where records wait.

A second pipeline halves the batches of the first, so it costs latency as long as one would do. While batches are
full, more records wait than one takes: after some seconds another pipeline joins. It leaves when fewer records
arrive than the others took, at full load, before it joined.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from consumer.infra.clock import Clock
    from consumer.infra.telemetry.metrics import Metrics

# Seconds of full batches after which another pipeline joins, and seconds over which it is decided that one leaves.
JOIN_AFTER = 2.0
LEAVE_AFTER = 10.0
# Of what the others took at full load, so that they are not at their limit again at once.
_LEAVE_BELOW = 0.7


class Concurrency:
    """The pipelines of one process that are to read: the first `wanted` of them. most: how many there are."""

    def __init__(self, clock: Clock, most: int, metrics: Metrics) -> None:
        self.wanted = 1
        # The last batch left records waiting.
        self.has_backlog = False
        self._metrics = metrics
        metrics.pipelines_reading.set(1)
        self._clock = clock
        self._most = most
        # Since when all batches have been full, and how many records they had.
        self._full_since: float | None = None
        self._full_records = 0
        # Records a second that so many pipelines took at full load.
        self._capacity: dict[int, float] = {}
        # Of the last LEAVE_AFTER seconds: when a batch ended, and its records.
        self._batches: deque[tuple[float, int]] = deque()
        self._changed_at = clock.monotonic()

    def note_batch(self, records: int, *, full: bool) -> None:
        """Note a batch, or a fetch that brought no records. full: more records were waiting than it could hold."""
        self.has_backlog = full
        now = self._clock.monotonic()
        self._batches.append((now, records))
        while self._batches[0][0] < now - LEAVE_AFTER:
            self._batches.popleft()
        if not full:
            self._full_since = None
        elif self._full_since is None:
            self._full_since, self._full_records = now, 0
        else:
            self._full_records += records
        if self._full_since is not None and now - self._full_since >= JOIN_AFTER:
            self._capacity[self.wanted] = self._full_records / (now - self._full_since)
            self._full_since = None
            if self.wanted < self._most:
                self._change(self.wanted + 1, now)
        elif self.wanted > 1 and now - self._changed_at >= LEAVE_AFTER:
            rate = sum(count for _, count in self._batches) / LEAVE_AFTER
            if rate < _LEAVE_BELOW * self._capacity[self.wanted - 1]:
                self._change(self.wanted - 1, now)

    def _change(self, wanted: int, now: float) -> None:
        self.wanted, self._changed_at = wanted, now
        self._metrics.pipelines_reading.set(wanted)
