"""How far lanes are behind their logs, for operators.

Owns the lag metrics. Never influences what is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.clock import Clock
    from consumer.ingest import Ingest
    from consumer.lanes import LaneKey
    from consumer.metrics import Metrics
    from consumer.model import Record
    from consumer.source import Source


class Lag:
    """Measures the lanes of one worker."""

    def __init__(self, source: Source, ingest: Ingest, metrics: Metrics, clock: Clock) -> None:
        self._source = source
        self._ingest = ingest
        self._metrics = metrics
        self._clock = clock

    async def measure(self, in_flight: Sequence[Record] = ()) -> int:
        """Set the lag of every lane and return that of all in records.

        in_flight: records fetched but not committed, each lane's in offset order. In seconds it is the age of the
        first of them; where there is none it is reckoned from the last record processed, so it is an upper bound on
        the age of the oldest unprocessed one; 0 when caught up. Offsets taken by transaction markers do not count:
        the client's own position is behind them. Raises KafkaError where brokers do not answer.
        """
        first: dict[LaneKey, Record] = {}
        for record in in_flight:
            first.setdefault((record.topic, record.partition), record)
        positions = await self._source.positions()
        lanes = dict(self._ingest.lanes)
        ends = await self._source.bounds(lanes.keys() - positions.keys())
        total = 0
        for key, lane in lanes.items():
            position, end = positions.get(key) or (lane.next_offset, ends[key][1])
            waiting = first.get(key)
            if waiting is not None:
                position = waiting.offset
            records = max(0, (end or position) - position)
            oldest = waiting.timestamp if waiting is not None else lane.last_timestamp
            self._set(key, records, oldest)
            total += records
        return total

    def _set(self, key: LaneKey, records: int, oldest: int | None) -> None:
        age = self._clock.now().timestamp() - (oldest or 0) / 1000
        seconds = max(0.0, age) if records and oldest is not None else 0.0
        self._metrics.lane_lag_records.labels(key[0], str(key[1])).set(records)
        self._metrics.lane_lag_seconds.labels(key[0], str(key[1])).set(seconds)
