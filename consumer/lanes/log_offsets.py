"""Looks up offsets in the logs of lanes, for commands: first, end, and the offset of a time.

Uses consumers without a group, and fetches records only to count those that are pending. Never asks for a topic
that the cluster does not list: some brokers create a topic that is asked for.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aiokafka import TopicPartition

from consumer.infra import kafka
from consumer.infra.kafka import lenient_batches
from consumer.infra.kafka.log_bounds import end_offsets, first_offsets
from consumer.lanes.pending_records import peek, start_peeker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping

    from aiokafka import AIOKafkaConsumer

    from consumer.infra.settings import Settings
    from consumer.lanes.pending_records import PendingRecords
    from consumer.lanes.positions import LaneKey

# Seconds for a broker to answer; a person waits for the command.
PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class LogBounds:
    """Offsets of a log, and the records pending at a position in it, where that was asked for.

    end: the last stable offset, from which on nothing can be read yet. high_watermark: the end, whatever is
    committed. held_back_since: if records lie in between, the timestamp of the first, None if unknown.
    """

    first: int
    end: int
    high_watermark: int
    pending: PendingRecords | None = None
    held_back_since: int | None = None


class LogOffsets:
    """Looks up offsets; raises KafkaError or TimeoutError if brokers do not answer."""

    def __init__(
        self,
        settings: Settings,
        consumer: AIOKafkaConsumer,
        uncommitted: AIOKafkaConsumer,
        partitions: dict[str, int],
    ) -> None:
        self._settings = settings
        self._consumer = consumer
        self._uncommitted = uncommitted
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
            first = await first_offsets(self._consumer, existing)
            # Before the stable offsets: what is committed in between must not look held back.
            high = await end_offsets(self._uncommitted, existing)
            end = await end_offsets(self._consumer, existing)
        return {
            key: LogBounds(first[partition], end[partition], max(high[partition], end[partition]))
            for partition, key in existing.items()
        }

    async def with_pending(
        self, bounds: Mapping[LaneKey, LogBounds], positions: Mapping[LaneKey, int]
    ) -> dict[LaneKey, LogBounds]:
        """Return the bounds with the records pending at these positions, and those held back."""
        ends = {self._partition(key): one.end for key, one in bounds.items()}
        high = {self._partition(key): one.high_watermark for key, one in bounds.items()}
        starts = {
            self._partition(key): max(positions.get(key, one.first), one.first) for key, one in bounds.items()
        }
        async with asyncio.timeout(PATIENCE):
            pending = await peek(
                self._consumer, {each: at for each, at in starts.items() if at < ends[each]}, ends
            )
            held_back = await peek(
                self._uncommitted, {each: end for each, end in ends.items() if end < high[each]}, high
            )
        found = {}
        for key, one in bounds.items():
            partition = self._partition(key)
            since = held_back[partition].timestamp if partition in held_back else None
            found[key] = replace(one, pending=pending.get(partition), held_back_since=since)
        return found

    async def offset_at(self, key: LaneKey, timestamp: int) -> int | None:
        """Return the offset of a log's first record at or after a time, None if there is none.

        timestamp: milliseconds since 1970.
        """
        found = await self.record_at(key, timestamp)
        return None if found is None else found[0]

    async def record_at(self, key: LaneKey, timestamp: int) -> tuple[int, int] | None:
        """Return offset and timestamp of a log's first record at or after a time, None if there is none."""
        partition = self._partition(key)
        async with asyncio.timeout(PATIENCE):
            found = await self._consumer.offsets_for_times({partition: timestamp})
        return None if found[partition] is None else (found[partition].offset, found[partition].timestamp)

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
    lenient_batches.install()
    async with AsyncExitStack() as stack:
        async with asyncio.timeout(2 * PATIENCE):
            consumer = await start_peeker(stack, settings, "lanes", "read_committed", patience=PATIENCE)
        async with asyncio.timeout(2 * PATIENCE):
            uncommitted = await start_peeker(stack, settings, "lanes", "read_uncommitted", patience=PATIENCE)
        yield LogOffsets(settings, consumer, uncommitted, partitions)
