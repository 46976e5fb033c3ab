"""Produces the scenario's records, as fast as the worker and the reader keep up (limits: live_counts.py)."""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaProducer

from consumer.demo.live_counts import record_size
from consumer.infra import kafka
from consumer.infra.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from consumer.demo.live_counts import DemoCounts
    from consumer.demo.traffic.scenario import SimulatedRecord
    from consumer.infra.settings import Settings

# Records sent together. The embedded broker answers a fetch with one stored batch per partition, so this limits the
# worker's batches.
_CHUNK_RECORDS = 2000
_BATCH_BYTES = 512 << 10
# Records generated before other tasks get their turn.
_GENERATED_AT_ONCE = 100
_SEND_TIMEOUT = 10.0


async def feed(settings: Settings, records: Iterable[SimulatedRecord], counts: DemoCounts) -> None:
    """Produce the first `counts.total` of these records and return when all are acknowledged.

    Raises KafkaError and TimeoutError if the broker does not acknowledge them.
    """
    producer = AIOKafkaProducer(
        **kafka.client_options(settings, "demo"),
        enable_idempotence=True,
        compression_type="lz4",
        linger_ms=5,
        max_batch_size=_BATCH_BYTES,
    )
    try:
        await kafka.start_client(producer)
        counts.first_fed_at = SystemClock().monotonic()
        wanted = islice(records, counts.total)
        while chunk := await _next_chunk(wanted):
            while not counts.has_room:
                await counts.wait_for_change()
            await _send(settings, producer, chunk)
            counts.fed += len(chunk)
            counts.fed_bytes += sum(record_size(one.key, one.value, one.headers) for one in chunk)
    finally:
        await kafka.stop_client(producer)


async def _next_chunk(wanted: Iterator[SimulatedRecord]) -> list[SimulatedRecord]:
    chunk: list[SimulatedRecord] = []
    while len(chunk) < _CHUNK_RECORDS and (more := list(islice(wanted, _GENERATED_AT_ONCE))):
        chunk += more
        await asyncio.sleep(0)
    return chunk


async def _send(settings: Settings, producer: AIOKafkaProducer, chunk: list[SimulatedRecord]) -> None:
    async with asyncio.timeout(_SEND_TIMEOUT):
        sent = [
            await producer.send(
                settings.topic(one.topic),
                one.value,
                key=one.key,
                headers=one.headers,
                timestamp_ms=one.timestamp,
            )
            for one in chunk
        ]
        await asyncio.gather(*sent)
