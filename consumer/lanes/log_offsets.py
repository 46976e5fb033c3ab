"""Looks up offsets in the logs of lanes, for commands: first, end, and the offset of a time.

Uses a consumer without a group and fetches no records. Never asks for a topic that the cluster does not list: some
brokers create a topic that is asked for.
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

# Seconds for a broker to answer; a person waits for the command.
PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class LogBounds:
    """The first offset of a log, and its last stable offset, from which on nothing can be read yet."""

    first: int
    end: int


class LogOffsets:
    """Looks up offsets; raises KafkaError or TimeoutError if brokers do not answer."""

    def __init__(self, settings: Settings, consumer: AIOKafkaConsumer, partitions: dict[str, int]) -> None:
        self._settings = settings
        self._consumer = consumer
        self._partitions = partitions

    def existing_lanes(self) -> list[LaneKey]:
        """Return every lane of the configured topics that exist."""
        return [
            (topic, partition)
            for topic in self._settings.topics
            for partition in range(self._partitions.get(self._settings.topic(topic), 0))
        ]

    async def bounds(self, keys: Iterable[LaneKey]) -> dict[LaneKey, LogBounds]:
        """Return the bounds of the lanes whose logs exist."""
        existing = {self._partition(key): key for key in keys if self._exists(key)}
        if not existing:
            return {}
        async with asyncio.timeout(PATIENCE):
            first = await self._consumer.beginning_offsets(list(existing))
            end = await self._consumer.end_offsets(list(existing))
        return {key: LogBounds(first[partition], end[partition]) for partition, key in existing.items()}

    async def offset_at(self, key: LaneKey, timestamp: int) -> int | None:
        """Return the offset of a log's first record at or after a time, None if there is none.

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
    """Connect to the brokers; raises KafkaError or TimeoutError if none answers."""
    async with kafka.metadata_client(settings, "lanes", patience=PATIENCE) as client:
        async with asyncio.timeout(PATIENCE):
            partitions = await kafka.partitions_by_topic(client)
    consumer = AIOKafkaConsumer(
        **kafka.reader_options(settings, "lanes"),
        request_timeout_ms=int(PATIENCE * 1000),
    )
    try:
        async with asyncio.timeout(2 * PATIENCE):
            await consumer.start()
        yield LogOffsets(settings, consumer, partitions)
    finally:
        await kafka.stop_client(consumer)
