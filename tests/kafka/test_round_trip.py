"""One real round trip through the broker of this run, with every compression that producers may use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from tests.servers.version import broker_version

if TYPE_CHECKING:
    from tests.conftest import CreateTopics
    from tests.servers.broker import KafkaServer


@pytest.mark.real_kafka
@pytest.mark.parametrize("compression", ["gzip", "snappy", "lz4", "zstd"])
async def test_compressed_records_come_back_whole(
    compression: str, kafka_server: KafkaServer, topic_prefix: str, create_topics: CreateTopics
) -> None:
    """What is sent with this compression is read from a sought offset with its key, value and headers."""
    topic = f"{topic_prefix}round-trip"
    await create_topics([topic], partitions=3)
    sent = [
        (f"key {n}".encode(), f"value {n} ".encode() * 50, [("content-type", b"application/json")])
        for n in range(20)
    ]
    async with AIOKafkaProducer(
        bootstrap_servers=kafka_server.bootstrap, compression_type=compression, enable_idempotence=True
    ) as producer:
        for key, value, headers in sent:
            await producer.send_and_wait(topic, value, key=key, headers=headers, partition=2)

    lane = TopicPartition(topic, 2)
    async with AIOKafkaConsumer(
        bootstrap_servers=kafka_server.bootstrap, auto_offset_reset="none"
    ) as consumer:
        consumer.assign([lane])
        consumer.seek(lane, 5)
        read = [await consumer.getone() for _ in range(15)]
        end = await consumer.end_offsets([lane])

    assert [(record.key, record.value, list(record.headers)) for record in read] == sent[5:]
    assert [record.offset for record in read] == list(range(5, 20))
    assert end == {lane: 20}


@pytest.mark.real_kafka
async def test_a_record_of_a_mebibyte_fits(
    kafka_server: KafkaServer, topic_prefix: str, create_topics: CreateTopics
) -> None:
    """The broker of the tests takes a record of 1 MiB, so that too large is for us to say."""
    topic = f"{topic_prefix}large"
    await create_topics([topic])
    value = b"x" * 1024 * 1024
    async with AIOKafkaProducer(
        bootstrap_servers=kafka_server.bootstrap, max_request_size=2 * 1024 * 1024
    ) as producer:
        await producer.send_and_wait(topic, value)

    lane = TopicPartition(topic, 0)
    async with AIOKafkaConsumer(
        bootstrap_servers=kafka_server.bootstrap, auto_offset_reset="none"
    ) as consumer:
        consumer.assign([lane])
        consumer.seek(lane, 0)
        record = await consumer.getone()

    assert record.value == value


@pytest.mark.real_kafka
async def test_the_broker_says_which_release_it_is(kafka_server: KafkaServer) -> None:
    """The broker, whichever it is, reports its release, and it is Kafka 4."""
    assert (await broker_version(kafka_server.bootstrap)).startswith("Kafka 4.")
