"""How far lanes are behind their logs, for operators.

Owns the lag metrics. Never influences what is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from consumer.clock import Clock
    from consumer.ingest import Ingest
    from consumer.metrics import Metrics
    from consumer.source import Source


class Lag:
    """Measures the lanes of one worker."""

    def __init__(self, source: Source, ingest: Ingest, metrics: Metrics, clock: Clock) -> None:
        self._source = source
        self._ingest = ingest
        self._metrics = metrics
        self._clock = clock

    async def measure(self) -> int:
        """Set the lag of every lane and return that of all in records.

        In seconds it is reckoned from the last record processed, so it is an upper bound on the age of the oldest
        unprocessed one; 0 when caught up. Offsets taken by transaction markers do not count: the client's own
        position is behind them.
        """
        now = self._clock.now().timestamp()
        total = 0
        for key, (position, end) in (await self._source.positions()).items():
            records = max(0, (end or position) - position)
            total += records
            lane = self._ingest.lanes.get(key)
            last = lane.last_timestamp if lane else None
            seconds = max(0.0, now - last / 1000) if records and last is not None else 0.0
            self._metrics.lane_lag_records.labels(key[0], str(key[1])).set(records)
            self._metrics.lane_lag_seconds.labels(key[0], str(key[1])).set(seconds)
        return total
