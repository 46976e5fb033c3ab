"""`simulate` produces to real topics, at the rate asked for, what the service can read."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest
from aiokafka import AIOKafkaConsumer

from consumer.__main__ import main
from consumer.demo.traffic.producer import simulate
from consumer.domain.decode import decode
from consumer.domain.model import Event, Record
from consumer.infra.kafka.client import TopicsMissingError
from consumer.infra.settings import Settings
from schemas.vocabulary import INPUT_TOPICS

if TYPE_CHECKING:
    from tests.conftest import CreateTopics
    from tests.servers.broker import KafkaServer


@pytest.mark.parametrize("compression", ["none", "gzip", "snappy", "lz4", "zstd"])
async def test_what_is_produced_can_be_read(
    compression: str,
    *,
    kafka_server: KafkaServer,
    topic_prefix: str,
    create_topics: CreateTopics,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exactly `--count` records arrive with key, headers and timestamp, and nearly all are events."""
    await create_topics([f"{topic_prefix}{name}" for name in INPUT_TOPICS], partitions=2)
    monkeypatch.setenv("ENGAGEMENT_KAFKA_BOOTSTRAP", kafka_server.bootstrap)
    monkeypatch.setenv("ENGAGEMENT_TOPIC_PREFIX", topic_prefix)
    monkeypatch.delenv("ENGAGEMENT_DATABASE_URL", raising=False)
    command = ["simulate", "--count", "300", "--rate", "3000", "--seed", "7", "--compression", compression]
    assert await asyncio.to_thread(main, command) == 0
    assert capsys.readouterr().out == "300 records produced\n"
    records = await _read(kafka_server, [f"{topic_prefix}{name}" for name in INPUT_TOPICS], 300)
    assert all(b":" in (record.key or b"") for record in records)
    events = [found for found in map(decode, records) if isinstance(found, Event)]
    assert 280 < len(events) <= 300


async def test_the_rate_holds(
    kafka_server: KafkaServer, topic_prefix: str, create_topics: CreateTopics
) -> None:
    """200 records at 200 a second take about a second, and `duration` makes as many as the rate says."""
    await create_topics([f"{topic_prefix}{name}" for name in INPUT_TOPICS], partitions=1)
    settings = _settings(kafka_server, topic_prefix)
    begun = time.monotonic()
    assert await simulate(settings, rate=200, duration=1.0) == 200
    assert 0.9 < time.monotonic() - begun < 5


async def test_missing_topics_are_reported(kafka_server: KafkaServer, topic_prefix: str) -> None:
    """Without its topics nothing is produced, and what to run is said."""
    with pytest.raises(TopicsMissingError, match="run `engagement topics`"):
        await simulate(_settings(kafka_server, topic_prefix), rate=10, count=1)


def _settings(kafka_server: KafkaServer, prefix: str) -> Settings:
    return Settings(
        database_url="postgresql://unused/unused", kafka_bootstrap=kafka_server.bootstrap, topic_prefix=prefix
    )


async def _read(server: KafkaServer, topics: list[str], count: int) -> list[Record]:
    consumer = AIOKafkaConsumer(*topics, bootstrap_servers=server.bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        async with asyncio.timeout(20):
            found = [await consumer.getone() for _ in range(count)]
            extra = await consumer.getmany(timeout_ms=300)
    finally:
        await consumer.stop()
    assert not extra
    return [
        Record(one.topic, one.partition, one.offset, one.timestamp, one.key, one.value, tuple(one.headers))
        for one in found
    ]
