"""Watches the input logs: which lanes exist, their first and end offsets, and the records pending at an offset.

Covers all lanes of the installation, by a client without a group, apart from the pipelines' consumers. Never asks
for a topic that the cluster does not list: some brokers create a topic that is asked for.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from consumer.infra import kafka
from consumer.infra.kafka import lenient_batches
from consumer.infra.kafka.log_bounds import end_offsets, first_offsets
from consumer.lanes.open_transactions import OpenTransactions
from consumer.lanes.pending_records import peek, start_peeker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiokafka import AIOKafkaConsumer
    from aiokafka.client import AIOKafkaClient

    from consumer.infra.clock import Clock
    from consumer.infra.settings import Settings
    from consumer.lanes.pending_records import PendingRecords
    from consumer.lanes.positions import LaneKey

log = structlog.get_logger(__name__)

# Seconds: for a broker to answer, and from one listing of the topics to the next.
_PATIENCE = 4.0
_LIST_EVERY = 3.0
# Of its Kafka clients.
_ROLE = "log-watcher"


class LogWatcher:
    """The state of the input logs as of the last refresh.

    lanes: all that exist. missing_topics: configured topics that do not, by their Kafka names. first_offsets,
    end_offsets, high_watermarks: of each log; the end is the last stable offset, from which on nothing can be read
    yet. open_transactions: which lanes wait for one. answered_at: when brokers last answered, in monotonic seconds.
    suspect: lanes whose log went back or disappeared; the reader of the lane takes it out of
    the set when it checks the log.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        lenient_batches.install()
        self._clock = clock
        self.answered_at = clock.monotonic()
        self._settings = settings
        self._names = kafka.input_topics(settings)
        self._clients: AsyncExitStack | None = None
        self._listed_at = float("-inf")
        self._client: AIOKafkaClient | None = None
        self._consumer: AIOKafkaConsumer | None = None
        self._uncommitted: AIOKafkaConsumer | None = None
        self.lanes: frozenset[LaneKey] = frozenset()
        self.missing_topics: list[str] = []
        self.first_offsets: dict[LaneKey, int] = {}
        self.end_offsets: dict[LaneKey, int] = {}
        self.high_watermarks: dict[LaneKey, int] = {}
        self.open_transactions = OpenTransactions()
        self.suspect: set[LaneKey] = set()

    async def refresh(self) -> None:
        """Read the offsets of all logs.

        Raises KafkaError, OSError or TimeoutError; then `end_offsets` is empty.
        """
        ends: dict[LaneKey, int] = {}
        before, self.end_offsets = self.end_offsets, ends
        async with asyncio.timeout(3 * _PATIENCE):
            client, consumer, uncommitted = await self._connected()
        async with asyncio.timeout(_PATIENCE):
            if asyncio.get_running_loop().time() - self._listed_at >= _LIST_EVERY:
                await self._list(client, consumer)
            if self.lanes:
                partitions = [self._partition(key) for key in self.lanes]
                # Before the stable offsets: what is committed in between must not look held back.
                found = await end_offsets(uncommitted, partitions)
                self.high_watermarks = {self._key(partition): end for partition, end in found.items()}
                found = await end_offsets(consumer, partitions)
                ends = {self._key(partition): end for partition, end in found.items()}
        self.suspect |= {key for key, end in ends.items() if end < before.get(key, 0)}
        self.end_offsets = ends
        self.open_transactions.note(self._clock.monotonic(), ends, self.high_watermarks)
        self.answered_at = self._clock.monotonic()

    async def peek(self, positions: Mapping[LaneKey, int]) -> dict[LaneKey, PendingRecords]:
        """Return the committed records pending at these offsets; see pending_records.peek."""
        return await self._peek(self._consumer, positions, self.end_offsets)

    async def peek_held_back(self, positions: Mapping[LaneKey, int]) -> dict[LaneKey, PendingRecords]:
        """Return the records pending at these offsets, whether committed or not; see pending_records.peek."""
        return await self._peek(self._uncommitted, positions, self.high_watermarks)

    async def _peek(
        self, consumer: AIOKafkaConsumer | None, positions: Mapping[LaneKey, int], ends: Mapping[LaneKey, int]
    ) -> dict[LaneKey, PendingRecords]:
        if consumer is None:
            return {}
        found = await peek(
            consumer,
            {self._partition(key): offset for key, offset in positions.items()},
            {self._partition(key): end for key, end in ends.items()},
        )
        return {self._key(partition): pending for partition, pending in found.items()}

    async def stop(self) -> None:
        """Disconnect; `lanes`, `missing_topics` and `first_offsets` keep their last values."""
        clients, self._clients = self._clients, None
        self._client = self._consumer = self._uncommitted = None
        self.end_offsets = {}
        self._listed_at = float("-inf")
        if clients is not None:
            try:
                async with asyncio.timeout(2):
                    await clients.aclose()
            except (TimeoutError, KafkaError, OSError) as error:
                log.info("log watcher not closed cleanly", error=repr(error)[:200])

    async def _connected(self) -> tuple[AIOKafkaClient, AIOKafkaConsumer, AIOKafkaConsumer]:
        if self._client is None or self._consumer is None or self._uncommitted is None:
            await self.stop()
            async with AsyncExitStack() as stack:
                client = await stack.enter_async_context(
                    kafka.metadata_client(self._settings, _ROLE, patience=_PATIENCE)
                )
                consumer = await start_peeker(
                    stack, self._settings, _ROLE, "read_committed", patience=_PATIENCE
                )
                uncommitted = await start_peeker(
                    stack, self._settings, _ROLE, "read_uncommitted", patience=_PATIENCE
                )
                self._clients = stack.pop_all()
            self._client, self._consumer, self._uncommitted = client, consumer, uncommitted
        return self._client, self._consumer, self._uncommitted

    async def _list(self, client: AIOKafkaClient, consumer: AIOKafkaConsumer) -> None:
        partitions = await kafka.partitions_by_topic(client)
        missing = [topic for topic in self._names if not partitions.get(topic)]
        if missing and missing != self.missing_topics:
            log.warning("topics are missing", topics=missing)
        lanes = frozenset(
            (name, partition)
            for topic, name in self._names.items()
            for partition in range(partitions.get(topic, 0))
        )
        if lanes:
            found = await first_offsets(
                consumer,
                [TopicPartition(self._settings.topic(name), partition) for name, partition in lanes],
            )
            self.first_offsets = {self._key(partition): first for partition, first in found.items()}
        self.suspect |= self.lanes - lanes
        self.lanes, self.missing_topics = lanes, missing
        self._listed_at = asyncio.get_running_loop().time()

    def _partition(self, key: LaneKey) -> TopicPartition:
        return TopicPartition(self._settings.topic(key[0]), key[1])

    def _key(self, partition: TopicPartition) -> LaneKey:
        return self._names[partition.topic], partition.partition
