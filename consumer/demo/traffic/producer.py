"""Produces the records of a scenario to Kafka at a given rate."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import asynccontextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError

from consumer.demo.traffic.scenario import DEMO_ACCOUNTS, scenario
from consumer.infra import kafka
from consumer.infra.clock import SystemClock
from consumer.infra.telemetry.progress_bar import show_progress
from schemas.vocabulary import INPUT_TOPICS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from consumer.demo.traffic.scenario import SimulatedRecord
    from consumer.infra.clock import Clock
    from consumer.infra.settings import Settings

# Seconds between two sends: short enough for a smooth rate, long enough to fill batches.
_TICK = 0.05
_ACKNOWLEDGEMENT_TIMEOUT = 30.0


async def simulate(
    settings: Settings,
    *,
    rate: float,
    count: int | None = None,
    duration: float | None = None,
    seed: int = 1,
    accounts: tuple[str, ...] = DEMO_ACCOUNTS,
    contacts: int = 500,
    compression: str | None = "lz4",
    clock: Clock | None = None,
) -> int:
    """Produce records at `rate` a second until `count` or `duration` (seconds) is reached; return how many.

    compression: 'gzip', 'snappy', 'lz4', 'zstd' or None. Returns when Kafka has acknowledged every record.
    Raises KafkaConnectionError if it cannot be reached or does not acknowledge within 30 seconds, and
    TopicsMissingError.
    """
    clock = clock or SystemClock()
    total = count if duration is None else max(1, round(rate * duration))
    stream = scenario(seed, begin=clock.now(), pace=1 / rate, accounts=accounts, contacts=contacts)
    await kafka.require_topics(settings, INPUT_TOPICS)
    async with _producer(settings, compression) as producer:
        sender = _Sender(settings, producer)
        started = clock.monotonic()
        with show_progress("producing", total) as report:
            while total is None or sender.sent < total:
                # All that are due by now, so that it catches up after a delay.
                due = int((clock.monotonic() - started) * rate) + 1
                await sender.send(islice(stream, min(due, total or due) - sender.sent))
                report(sender.sent)
                await asyncio.sleep(_TICK)
        await sender.finish()
        return sender.sent


class _Sender:
    """Sends records and keeps the future of each until Kafka has acknowledged it."""

    def __init__(self, settings: Settings, producer: AIOKafkaProducer) -> None:
        self._settings = settings
        self._producer = producer
        self._pending: deque[asyncio.Future[Any]] = deque()
        self.sent = 0

    async def send(self, records: Iterable[SimulatedRecord]) -> None:
        """Hand records to the producer. Raises the error of an earlier record that Kafka refused."""
        for record in records:
            future = await self._producer.send(
                self._settings.topic(record.topic),
                record.value,
                key=record.key,
                headers=record.headers,
                timestamp_ms=record.timestamp,
            )
            self._pending.append(future)
            self.sent += 1
        while self._pending and self._pending[0].done():
            self._pending.popleft().result()

    async def finish(self) -> None:
        """Wait until Kafka has acknowledged every record."""
        try:
            async with asyncio.timeout(_ACKNOWLEDGEMENT_TIMEOUT):
                await asyncio.gather(*self._pending)
        except TimeoutError:
            raise KafkaConnectionError(
                f"no acknowledgement within {_ACKNOWLEDGEMENT_TIMEOUT:.0f} s"
            ) from None


@asynccontextmanager
async def _producer(settings: Settings, compression: str | None) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(
        **kafka.client_options(settings, "simulate"),
        compression_type=compression,
        linger_ms=20,
        enable_idempotence=True,
    )
    try:
        await kafka.start_client(producer)
        yield producer
    finally:
        await kafka.stop_client(producer, within=5)
