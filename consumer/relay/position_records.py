"""Reads a shard's position in Kafka: the last committed record with its key, in its partition of the topic.

A record of a position is part of the transaction that publishes the messages up to it. The key is the shard's
transactional id: installations with one prefix and different groups share the topic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiokafka import AIOKafkaConsumer

from consumer.infra import kafka

if TYPE_CHECKING:
    from aiokafka.structs import TopicPartition

    from consumer.infra.settings import Settings

# Offsets that are read at first, counted from the end: each transaction takes two, aborted ones too. Where none of
# them is a committed record of ours, so many times more.
_LOOK_BACK = 100
_LOOK_FURTHER = 20
# Milliseconds.
_FETCH_WAIT = 100


async def last_committed(settings: Settings, partition: TopicPartition, key: bytes) -> bytes | None:
    """Return the value of the last committed record with this key in a partition, None if it has none.

    Waits without a limit for transactions that are open there: call it under a deadline. Raises KafkaError.
    """
    consumer = AIOKafkaConsumer(
        **kafka.reader_options(settings, "relay"),
        auto_offset_reset="earliest",
        fetch_max_wait_ms=_FETCH_WAIT,
    )
    try:
        await kafka.start_client(consumer)
        consumer.assign([partition])
        first = (await consumer.beginning_offsets([partition]))[partition]
        end = (await consumer.end_offsets([partition]))[partition]
        look_back = _LOOK_BACK
        while True:
            start = max(first, end - look_back)
            consumer.seek(partition, start)
            value = await _last(consumer, partition, key)
            if value is not None or start == first:
                return value
            look_back *= _LOOK_FURTHER
    finally:
        await kafka.stop_client(consumer)


async def _last(consumer: AIOKafkaConsumer, partition: TopicPartition, key: bytes) -> bytes | None:
    """Read from where the consumer is to the end of the log; return the value of the last record with this key."""
    value: bytes | None = None
    while True:
        for record in (await consumer.getmany(timeout_ms=_FETCH_WAIT)).get(partition, ()):
            if record.key == key:
                value = record.value
        end = consumer.highwater(partition)
        if end is not None and await consumer.position(partition) >= end:
            return value
