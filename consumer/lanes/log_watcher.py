"""Watches the input logs: which lanes exist, their first and end offsets, and the records pending at an offset.

Covers all lanes of the installation, by a client without a group, apart from the pipelines' consumers. Never asks
for a topic that the cluster does not list: some brokers create a topic that is asked for.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from consumer.infra import kafka
from consumer.infra.kafka import lenient_batches

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiokafka.client import AIOKafkaClient

    from consumer.infra.clock import Clock
    from consumer.infra.settings import Settings
    from consumer.lanes.positions import LaneKey

log = structlog.get_logger(__name__)

# Seconds: for a broker to answer, and from one listing of the topics to the next.
_PATIENCE = 4.0
_LIST_EVERY = 3.0
# Seconds and bytes per lane for one peek, which is done each second.
_PEEK_SECONDS = 0.5
_PEEK_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class PendingRecords:
    """The records from an offset on, as far as one fetch response goes.

    records: number of readable ones; records of aborted transactions and markers do not count. end: the offset
    after the response. whole: the response reaches the end of the log. timestamp: of the first readable record.
    """

    records: int
    end: int
    whole: bool
    timestamp: int | None = None


class LogWatcher:
    """The state of the input logs as of the last refresh.

    lanes: all that exist. missing_topics: configured topics that do not, by their Kafka names. first_offsets,
    end_offsets: of each log; the end is the last stable offset. answered_at: when brokers last answered, in
    monotonic seconds. suspect: lanes whose log went back or disappeared; the reader of the lane takes it out of
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
        self.lanes: frozenset[LaneKey] = frozenset()
        self.missing_topics: list[str] = []
        self.first_offsets: dict[LaneKey, int] = {}
        self.end_offsets: dict[LaneKey, int] = {}
        self.suspect: set[LaneKey] = set()

    async def refresh(self) -> None:
        """Read the offsets of all logs.

        Raises KafkaError, OSError or TimeoutError; then `end_offsets` is empty.
        """
        ends: dict[LaneKey, int] = {}
        before, self.end_offsets = self.end_offsets, ends
        async with asyncio.timeout(3 * _PATIENCE):
            client, consumer = await self._connected()
        async with asyncio.timeout(_PATIENCE):
            if asyncio.get_running_loop().time() - self._listed_at >= _LIST_EVERY:
                await self._list(client, consumer)
            if self.lanes:
                found = await consumer.end_offsets([self._partition(key) for key in self.lanes])
                ends = {self._key(partition): end for partition, end in found.items()}
        self.suspect |= {key for key, end in ends.items() if end < before.get(key, 0)}
        self.end_offsets = ends
        self.answered_at = self._clock.monotonic()

    async def peek(self, positions: Mapping[LaneKey, int]) -> dict[LaneKey, PendingRecords]:
        """Return the records pending at these offsets, of the lanes for which brokers answer within half a second.

        Raises KafkaError, OSError or TimeoutError.
        """
        if not positions or self._consumer is None:
            return {}
        consumer = self._consumer
        consumer.assign([self._partition(key) for key in positions])
        for key, offset in positions.items():
            consumer.seek(self._partition(key), offset)
        found: dict[LaneKey, PendingRecords] = {}
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _PEEK_SECONDS
        try:
            while len(found) < len(positions) and loop.time() < deadline:
                fetched = await consumer.getmany(timeout_ms=100)
                for key in positions.keys() - found.keys():
                    records = fetched.get(self._partition(key), [])
                    end = await consumer.position(self._partition(key))
                    whole = end >= self.end_offsets.get(key, end + 1)
                    if records or whole:
                        timestamp = records[0].timestamp if records and records[0].timestamp >= 0 else None
                        found[key] = PendingRecords(len(records), end, whole, timestamp)
                consumer.pause(*(self._partition(key) for key in found))
        except (lenient_batches.UnreadableBatchError, OffsetOutOfRangeError) as error:
            # It concerns one lane: what was found of the others is valid.
            log.info("pending records cannot be read", error=str(error)[:200])
        finally:
            consumer.assign([])
        return found

    async def stop(self) -> None:
        """Disconnect; `lanes`, `missing_topics` and `first_offsets` keep their last values."""
        clients, self._clients = self._clients, None
        self._client = self._consumer = None
        self.end_offsets = {}
        self._listed_at = float("-inf")
        if clients is not None:
            try:
                async with asyncio.timeout(2):
                    await clients.aclose()
            except (TimeoutError, KafkaError, OSError) as error:
                log.info("log watcher not closed cleanly", error=repr(error)[:200])

    async def _connected(self) -> tuple[AIOKafkaClient, AIOKafkaConsumer]:
        if self._client is None or self._consumer is None:
            await self.stop()
            async with AsyncExitStack() as stack:
                client = await stack.enter_async_context(
                    kafka.metadata_client(self._settings, "log-watcher", patience=_PATIENCE)
                )
                consumer = AIOKafkaConsumer(
                    **kafka.reader_options(self._settings, "log-watcher"),
                    auto_offset_reset="none",
                    max_partition_fetch_bytes=_PEEK_BYTES,
                    fetch_max_wait_ms=50,
                    request_timeout_ms=int(_PATIENCE * 1000),
                )
                stack.push_async_callback(kafka.stop_client, consumer)
                await consumer.start()
                self._clients = stack.pop_all()
            self._client, self._consumer = client, consumer
        return self._client, self._consumer

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
            found = await consumer.beginning_offsets(
                [TopicPartition(self._settings.topic(name), partition) for name, partition in lanes]
            )
            self.first_offsets = {self._key(partition): first for partition, first in found.items()}
        self.suspect |= self.lanes - lanes
        self.lanes, self.missing_topics = lanes, missing
        self._listed_at = asyncio.get_running_loop().time()

    def _partition(self, key: LaneKey) -> TopicPartition:
        return TopicPartition(self._settings.topic(key[0]), key[1])

    def _key(self, partition: TopicPartition) -> LaneKey:
        return self._names[partition.topic], partition.partition
