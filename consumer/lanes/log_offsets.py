"""What brokers say of the logs that lanes read: where they begin and end, and where in them a time lies.

Owns a consumer client without a group, for questions alone. Never reads a record, and never asks for a topic that
the cluster does not list: some brokers create what they are asked for.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaConsumer, TopicPartition

from consumer.infra import kafka

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from consumer.infra.settings import Settings
    from consumer.lanes.positions import LaneKey

# Seconds for each question; people wait for the answers.
PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class LogBounds:
    """Where a log begins, and the last stable offset, behind which nothing can be read yet."""

    first: int
    end: int


class LogOffsets:
    """Answers questions about logs; raises KafkaError or TimeoutError where brokers do not."""

    def __init__(self, settings: Settings, consumer: AIOKafkaConsumer, partitions: dict[str, int]) -> None:
        self._settings = settings
        self._consumer = consumer
        self._partitions = partitions

    def existing_lanes(self) -> list[LaneKey]:
        """Return every lane of the topics that the settings name, as far as these are there."""
        return [
            (topic, partition)
            for topic in self._settings.topics
            for partition in range(self._partitions.get(self._settings.topic(topic), 0))
        ]

    async def bounds(self, keys: Iterable[LaneKey]) -> dict[LaneKey, LogBounds]:
        """Return the bounds of those lanes whose logs are there."""
        there = {self._partition(key): key for key in keys if self._exists(key)}
        if not there:
            return {}
        async with asyncio.timeout(PATIENCE):
            first = await self._consumer.beginning_offsets(list(there))
            end = await self._consumer.end_offsets(list(there))
        return {key: LogBounds(first[partition], end[partition]) for partition, key in there.items()}

    async def offset_at(self, key: LaneKey, timestamp: int) -> int | None:
        """Return the offset of a log's first record at or after a time, None where none is.

        timestamp: milliseconds since 1970.
        """
        partition = self._partition(key)
        async with asyncio.timeout(PATIENCE):
            found = await self._consumer.offsets_for_times({partition: timestamp})
        return None if found[partition] is None else found[partition].offset

    def _exists(self, key: LaneKey) -> bool:
        return key[1] < self._partitions.get(self._settings.topic(key[0]), 0)

    def _partition(self, key: LaneKey) -> TopicPartition:
        return TopicPartition(self._settings.topic(key[0]), key[1])


@asynccontextmanager
async def connect(settings: Settings) -> AsyncIterator[LogOffsets]:
    """Give somebody to ask; raises KafkaError or TimeoutError where no broker answers."""
    async with kafka.metadata_client(settings, "lanes", patience=PATIENCE) as client:
        async with asyncio.timeout(PATIENCE):
            partitions = await kafka.partitions_by_topic(client)
    consumer = AIOKafkaConsumer(
        **kafka.client_options(settings, "lanes"),
        group_id=None,
        enable_auto_commit=False,
        isolation_level="read_committed",
        request_timeout_ms=int(PATIENCE * 1000),
    )
    try:
        async with asyncio.timeout(2 * PATIENCE):
            await consumer.start()
        yield LogOffsets(settings, consumer, partitions)
    finally:
        await kafka.stop_client(consumer)
