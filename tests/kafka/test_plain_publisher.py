"""The plain publisher on the broker it is for: the embedded one, which has no transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from consumer.demo.servers import EmbeddedBroker
from consumer.infra.settings import Settings
from consumer.relay.plain_publisher import PlainPublisher, PublishedPosition
from schemas.vocabulary import OUTPUT_TOPICS, SCORE_CHANGED_TOPIC, XP_CREDITED_TOPIC
from tests.kafka.miniature_relay import messages

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as broker:
        yield broker


@pytest.mark.usefixtures("nothing_unseen")
async def test_the_plain_mode_on_the_embedded_broker(broker: EmbeddedBroker) -> None:
    """Every message arrives, in order on its topic, and a start knows no position."""
    for topic in OUTPUT_TOPICS:
        broker.create_topic(topic, 1)
    settings = Settings(database_url="postgresql://127.0.0.1:1/none", kafka_bootstrap=broker.bootstrap)
    publisher = PlainPublisher(settings)
    assert await publisher.start() is None
    await publisher.send(messages(1, 500), PublishedPosition(500, 1))
    await publisher.send(messages(501, 510), PublishedPosition(510, 1))
    await publisher.discard()
    assert await _numbers(broker, SCORE_CHANGED_TOPIC) == list(range(2, 511, 2))
    assert await _numbers(broker, XP_CREDITED_TOPIC) == list(range(1, 511, 2))


async def _numbers(broker: EmbeddedBroker, topic: str) -> list[int]:
    place = TopicPartition(topic, 0)
    consumer = AIOKafkaConsumer(bootstrap_servers=broker.bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([place])
        found: list[int] = []
        while len(found) < 255:
            for records in (await consumer.getmany(timeout_ms=5000)).values():
                found += [int(record.value) for record in records]
        return found
    finally:
        await consumer.stop()
