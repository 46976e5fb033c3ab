"""What the web process samples of lag, for operators: over real logs, and without an address of Kafka."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg
import pytest

from consumer.infra.clock import SystemClock
from consumer.web.live.lag_history import LagHistory, sample
from tests.builders.events import live_event
from tests.builders.kafka_records import structured_record
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.kafka.installation import Installation


@asynccontextmanager
async def _sampling(installation: Installation, *, knows_kafka: bool) -> AsyncIterator[LagHistory]:
    history = LagHistory(knows_kafka)
    task = asyncio.create_task(sample(history, installation.settings(), SystemClock()))
    try:
        yield history
    finally:
        task.cancel()
        await asyncio.wait([task])


@pytest.mark.real_kafka
async def test_lag_is_sampled_beside_workers(installation: Installation) -> None:
    """Records that no worker has processed are the lag of their topic, with the age of the oldest."""
    await installation.create_topics()
    now = datetime.now(UTC).replace(microsecond=0)
    records = [
        structured_record(live_event(0, id=f"r{number}", timestamp=now - timedelta(minutes=2)), "deals", 0, 0)
        for number in range(3)
    ]
    await installation.produce_raw(records)
    connection = await asyncpg.connect(installation.dsn)
    await connection.execute("insert into lanes (topic, partition, next_offset) values ('deals', 0, 0)")
    await connection.close()
    async with _sampling(installation, knows_kafka=True) as history:
        await eventually(lambda: bool(history.samples), within=20, what="the first sample")
    lag = history.samples[0].topics["deals"]
    assert lag.records == 3
    assert lag.seconds is not None
    assert 115 < lag.seconds < 300
    assert history.samples[0].messages == 0


async def test_without_kafka_the_outbox_is_sampled(installation: Installation) -> None:
    """A process without an address of Kafka samples the outbox, and asks no broker."""
    async with _sampling(installation, knows_kafka=False) as history:
        await eventually(lambda: bool(history.samples), within=20, what="the first sample")
    assert history.samples[0].topics == {}
    assert history.samples[0].messages == 0
