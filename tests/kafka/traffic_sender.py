"""An idempotent producer that survives broker failures, sends traffic in parts and counts acknowledgements."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaProducer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from consumer.domain.model import Record
    from tests.kafka.installation import Installation


class TrafficSender:
    """Sends records in the background; `acknowledged` counts those that Kafka has."""

    def __init__(self, producer: AIOKafkaProducer, prefix: str) -> None:
        self._producer = producer
        self._prefix = prefix
        self._sending: list[asyncio.Task[None]] = []
        self.acknowledged = 0

    def send(self, records: Iterable[Record]) -> None:
        """Begin to send these; each partition's in order."""
        self._sending.append(asyncio.create_task(self._send(list(records))))

    async def finished(self) -> None:
        """Return when all records are acknowledged; raise the first error of sending."""
        await asyncio.gather(*self._sending)

    async def _send(self, records: list[Record]) -> None:
        futures = [
            await self._producer.send(
                f"{self._prefix}{record.topic}",
                key=record.key,
                value=record.value,
                partition=record.partition,
                timestamp_ms=record.timestamp,
                headers=list(record.headers),
            )
            for record in records
        ]
        for future in asyncio.as_completed(futures):
            await future
            self.acknowledged += 1


@asynccontextmanager
async def traffic_sender(installation: Installation) -> AsyncIterator[TrafficSender]:
    """Yield a sender; on leaving, wait until all its records are acknowledged."""
    # A batch is given up after this time where its partition has no leader: later than any broker comes back.
    async with AIOKafkaProducer(
        bootstrap_servers=installation.bootstrap, enable_idempotence=True, request_timeout_ms=120_000
    ) as producer:
        sender = TrafficSender(producer, installation.prefix)
        yield sender
        await sender.finished()
