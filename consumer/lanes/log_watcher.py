"""What there is to read: which lanes exist, where their logs begin and end, and what waits at a position.

Owns a client without a group that looks at all lanes of the installation every second, beside the pipelines. Never
moves a lane, never takes one, and never asks for a topic that the cluster does not list: some brokers create what
they are asked for.
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

# Seconds: for each question, and from one look at the list of topics to the next.
_PATIENCE = 4.0
_LIST_EVERY = 3.0
# For all records that are looked at in one go, which is done each second.
_PEEK = 0.5
_PEEK_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class PendingRecords:
    """What stands at a position and behind it, as far as one answer of a broker goes.

    records: how many are readable in it; what aborted transactions left, and markers, are none. timestamp: of the
    first of them. upto: the offset behind it. whole: it goes to the end of the log.
    """

    records: int
    upto: int
    whole: bool
    timestamp: int | None = None


class LogWatcher:
    """What the last look found.

    lanes: all that exist. missing: topics that do not, as Kafka calls them. first, end: of each log; the end is the
    last stable offset. answered_at: when brokers last answered, in monotonic seconds. suspect: lanes whose log went
    back or was away since somebody last looked after them.
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
        """Look at all logs; raises KafkaError, OSError or TimeoutError, and then `end` is empty."""
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
        """Return what waits at these positions, as far as it is known within half a second.

        Raises what `look` raises.
        """
        if not positions or self._consumer is None:
            return {}
        consumer = self._consumer
        consumer.assign([self._partition(key) for key in positions])
        for key, offset in positions.items():
            consumer.seek(self._partition(key), offset)
        found: dict[LaneKey, PendingRecords] = {}
        loop = asyncio.get_running_loop()
        until = loop.time() + _PEEK
        try:
            while len(found) < len(positions) and loop.time() < until:
                fetched = await consumer.getmany(timeout_ms=100)
                for key in positions.keys() - found.keys():
                    records = fetched.get(self._partition(key), [])
                    upto = await consumer.position(self._partition(key))
                    whole = upto >= self.end_offsets.get(key, upto + 1)
                    if records or whole:
                        timestamp = records[0].timestamp if records and records[0].timestamp >= 0 else None
                        found[key] = PendingRecords(len(records), upto, whole, timestamp)
                consumer.pause(*(self._partition(key) for key in found))
        except (lenient_batches.UnreadableBatchError, OffsetOutOfRangeError) as error:
            # One lane's trouble: what was found of the others is as good as ever.
            log.info("records cannot be looked at", error=str(error)[:200])
        finally:
            consumer.assign([])
        return found

    async def stop(self) -> None:
        """Leave; what the last look found stays."""
        clients, self._clients = self._clients, None
        self._client = self._consumer = None
        self.end_offsets = {}
        self._listed_at = float("-inf")
        if clients is not None:
            try:
                async with asyncio.timeout(2):
                    await clients.aclose()
            except (TimeoutError, KafkaError, OSError) as error:
                log.info("survey left without a goodbye", error=repr(error)[:200])

    async def _connected(self) -> tuple[AIOKafkaClient, AIOKafkaConsumer]:
        if self._client is None or self._consumer is None:
            await self.stop()
            async with AsyncExitStack() as stack:
                client = await stack.enter_async_context(
                    kafka.metadata_client(self._settings, "log-watcher", patience=_PATIENCE)
                )
                consumer = AIOKafkaConsumer(
                    **kafka.client_options(self._settings, "log-watcher"),
                    group_id=None,
                    enable_auto_commit=False,
                    auto_offset_reset="none",
                    isolation_level="read_committed",
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
