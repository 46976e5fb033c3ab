"""The events of pixels and links, which are answered at once: in memory until Kafka has them, if there is room.

A browser shows an image or follows a link whatever became of the event, and never repeats the request: the process
does. Events that wait are lost with the process; those that find no room are dropped and counted.
"""

from __future__ import annotations

import asyncio
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING

import structlog

from consumer.infra.telemetry.repeated_lines import RepeatedLines
from consumer.infra.wait import event_within
from consumer.web.tracker.kafka_writer import UnavailableError

if TYPE_CHECKING:
    from consumer.infra.telemetry.metrics import Metrics
    from consumer.web.tracker.calls.outcome import TrackedRecord
    from consumer.web.tracker.kafka_writer import KafkaWriter

log = structlog.get_logger(__name__)

_MOST_RECORDS, _MOST_BYTES = 20_000, 32 << 20
# Records that are written at a time.
_AT_ONCE = 500
# Seconds until the next try, where Kafka is away.
_RETRY_AFTER = 0.5


class PixelQueue:
    """What pixels have recorded and Kafka has not acknowledged."""

    def __init__(self, writer: KafkaWriter, metrics: Metrics) -> None:
        self._writer = writer
        self._records: deque[TrackedRecord] = deque()
        self._bytes = 0
        self._some = asyncio.Event()
        self._none = asyncio.Event()
        self._none.set()
        self._dropped = metrics.tracker_dropped
        self._lines = RepeatedLines()
        metrics.tracker_pixels_waiting.set_function(lambda: len(self._records))

    @property
    def full(self) -> bool:
        """Whether there is no room for further events."""
        return len(self._records) >= _MOST_RECORDS or self._bytes >= _MOST_BYTES

    def put(self, records: tuple[TrackedRecord, ...]) -> bool:
        """Enqueue records and return True; False: there is no room, and they are dropped."""
        if self.full:
            self._dropped.inc(len(records))
            self._lines.warn(log, "events of pixels are dropped: Kafka takes none", waiting=_MOST_RECORDS)
            return False
        self._records += records
        self._bytes += sum(len(record.value) for record in records)
        self._some.set()
        self._none.clear()
        return True

    async def written(self, *, within: float) -> None:
        """Wait until Kafka has all events, at most so many seconds; log how many it has not."""
        if not await event_within(self._none, within):
            log.warning("events of pixels are lost: Kafka has not taken them", events=len(self._records))

    async def run(self) -> None:
        """Write what is enqueued, until cancelled."""
        while True:
            await self._some.wait()
            some = list(islice(self._records, _AT_ONCE))
            try:
                await self._writer.write(some)
            except UnavailableError:
                # What has arrived all the same is a duplicate by its id.
                await asyncio.sleep(_RETRY_AFTER)
                continue
            for record in some:
                self._records.popleft()
                self._bytes -= len(record.value)
            if not self._records:
                self._some.clear()
                self._none.set()
