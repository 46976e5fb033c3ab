"""Feeds the scenario to the broker, as fast as the worker takes it and no faster.

Owns the producer of the demo. Never invents anything (scenario.py does) and never decides how far ahead is too
far (counts.py does).
"""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaProducer

from consumer.demo.counts import size
from consumer.infra import kafka
from consumer.infra.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from consumer.demo.counts import Counts
    from consumer.demo.traffic.scenario import SimulatedRecord
    from consumer.infra.settings import Settings

# Records sent together. The embedded broker answers a fetch with one stored batch per partition, so these are what
# the worker's own batches grow to.
_TOGETHER = 2000
_BATCH_BYTES = 512 << 10
# Records made up in one go, before the others get their turn.
_MADE_UP = 100
_PATIENCE = 10.0


async def feed(settings: Settings, records: Iterable[SimulatedRecord], counts: Counts) -> None:
    """Produce the first `counts.total` of these records and return when all are acknowledged.

    Raises KafkaError and TimeoutError where the broker does not take them.
    """
    producer = AIOKafkaProducer(
        **kafka.client_options(settings, "demo"),
        enable_idempotence=True,
        compression_type="lz4",
        linger_ms=5,
        max_batch_size=_BATCH_BYTES,
    )
    try:
        await producer.start()
        counts.first_fed_at = SystemClock().monotonic()
        wanted = islice(records, counts.total)
        while together := await _some(wanted):
            while not counts.has_room:
                await counts.change()
            await _send(settings, producer, together)
            counts.fed += len(together)
            counts.fed_bytes += sum(size(one.key, one.value, one.headers) for one in together)
    finally:
        await kafka.stop_client(producer)


async def _some(wanted: Iterator[SimulatedRecord]) -> list[SimulatedRecord]:
    made: list[SimulatedRecord] = []
    while len(made) < _TOGETHER and (more := list(islice(wanted, _MADE_UP))):
        made += more
        await asyncio.sleep(0)
    return made


async def _send(settings: Settings, producer: AIOKafkaProducer, together: list[SimulatedRecord]) -> None:
    async with asyncio.timeout(_PATIENCE):
        sent = [
            await producer.send(
                settings.topic(one.topic),
                one.value,
                key=one.key,
                headers=one.headers,
                timestamp_ms=one.timestamp,
            )
            for one in together
        ]
        await asyncio.gather(*sent)
