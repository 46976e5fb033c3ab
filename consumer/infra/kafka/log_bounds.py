"""Asks brokers for the first and the end offsets of logs, those of all topics at once.

aiokafka looks for the leaders of unknown topics one after another, and pauses for 0.1 s after each: a worker with
nine input topics waited for two seconds before it knew its logs. Here all topics are made known first.
"""

# ruff: noqa: SLF001 - uses aiokafka's private attributes (docs/decisions/0017-aiokafka-patches.md);
# tests/kafka/test_log_bounds.py fails if they do not work any more
from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from aiokafka import AIOKafkaConsumer, TopicPartition


async def first_offsets(
    consumer: AIOKafkaConsumer, partitions: Collection[TopicPartition]
) -> dict[TopicPartition, int]:
    """Return the offset of the first record of each log, which has to exist. Raises KafkaError."""
    _make_known(consumer, partitions)
    found: dict[TopicPartition, int] = await consumer.beginning_offsets(list(partitions))
    return found


async def end_offsets(
    consumer: AIOKafkaConsumer, partitions: Collection[TopicPartition]
) -> dict[TopicPartition, int]:
    """Return where each log, which has to exist, ends for this consumer's isolation level. Raises KafkaError."""
    _make_known(consumer, partitions)
    found: dict[TopicPartition, int] = await consumer.end_offsets(list(partitions))
    return found


def _make_known(consumer: AIOKafkaConsumer, partitions: Collection[TopicPartition]) -> None:
    for topic in {partition.topic for partition in partitions}:
        # What it returns need not be awaited: a request for offsets waits for metadata that is being fetched.
        consumer._client.add_topic(topic)
