"""Reads records from Kafka for the lanes that this worker holds.

Owns the consumer client: which lanes it reads and from where. Never decides either (lanes.py does), and never
commits a group offset as a source of truth: what Kafka is told is for lag tools only.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, KafkaTimeoutError, OffsetOutOfRangeError
from aiokafka.structs import OffsetAndMetadata

from consumer.domain.model import Record
from consumer.infra import kafka
from consumer.infra.kafka import lenient_batches

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping

    from aiokafka import ConsumerRecord

    from consumer.infra.settings import Settings
    from consumer.lanes.positions import LaneKey

log = structlog.get_logger(__name__)

# Seconds for questions to brokers that would otherwise wait for ever.
PATIENCE = 5.0
_START_PATIENCE = 12.0
# Seconds after which idle lanes are told again: brokers forget a group's offsets after some days.
_TELL_ALL = 86_400.0
# Per lane and fetch, compressed; a fetch of all lanes is bounded by `fetch_max_bytes`.
_PARTITION_BYTES = 1 << 20
_FETCH_BYTES = 16 << 20


class LanesInTroubleError(Exception):
    """Some lanes could not be read, whatever others could; nothing was fetched, and all have to be read anew."""

    def __init__(self, lanes: frozenset[LaneKey], error: BaseException) -> None:
        super().__init__(f"{sorted(lanes)}: {error}")
        self.lanes = lanes
        # Their position is outside the log: look at its bounds. Otherwise what stands there is no records.
        self.out_of_range = isinstance(error, OffsetOutOfRangeError)


class Source:
    """A consumer under `assign()`: no group membership, so nobody takes a lane away behind the leases' back."""

    def __init__(self, settings: Settings) -> None:
        lenient_batches.install()
        self._names = kafka.input_topics(settings)
        self._kafka_names = {name: kafka_name for kafka_name, name in self._names.items()}
        self._most = settings.batch_records
        self.lanes: frozenset[LaneKey] = frozenset()
        # How often it was told what to read: what was fetched before may not follow what has been processed.
        self.begun = 0
        # Behind the last record of each lane that was handed out.
        self._handed: dict[LaneKey, int] = {}
        self._told: dict[LaneKey, int] = {}
        self._told_all_at = 0.0
        self._consumer = AIOKafkaConsumer(
            **kafka.client_options(settings, "ingest"),
            group_id=settings.kafka_group,
            enable_auto_commit=False,
            auto_offset_reset="none", # a lost position is said aloud, never replaced by a guess
            isolation_level="read_committed",
            max_partition_fetch_bytes=_PARTITION_BYTES,
            fetch_max_bytes=_FETCH_BYTES,
            fetch_max_wait_ms=100,
            request_timeout_ms=10_000,
        )  # fmt: skip

    async def start(self) -> None:
        """Connect; raises KafkaConnectionError or KafkaTimeoutError where no broker answers."""
        async with _in_time(_START_PATIENCE):
            await self._consumer.start()

    async def stop(self) -> None:
        """Leave; bounded, since a dead broker would hold it up for ever."""
        if error := await kafka.stop_client(self._consumer):
            log.info("consumer left without a goodbye", error=repr(error))

    async def bounds(self, keys: Iterable[LaneKey]) -> dict[LaneKey, tuple[int, int]]:
        """Return (first offset, end) of the log of each lane; the end is the last stable offset.

        Raises KafkaError where brokers do not answer.
        """
        partitions = [self._partition(key) for key in keys]
        if not partitions:
            return {}
        async with _in_time(PATIENCE):
            first = await self._consumer.beginning_offsets(partitions)
            end = await self._consumer.end_offsets(partitions)
        return {self._key(partition): (first[partition], end[partition]) for partition in partitions}

    def read(self, offsets: Mapping[LaneKey, int], standing: Mapping[LaneKey, int]) -> None:
        """Read these lanes, and no others, each from its offset on; `lanes` tells which they are.

        standing: where lanes are that are held and not read now: the group is told of them all the same.
        What was fetched ahead of any lane is thrown away.
        """
        self.lanes = frozenset(offsets)
        self.begun += 1
        self._handed = {**standing, **offsets}
        self._told = {key: offset for key, offset in self._told.items() if key in self._handed}
        self._consumer.assign([self._partition(key) for key in self._handed])
        for key, offset in self._handed.items():
            self._consumer.seek(self._partition(key), offset)
        self._consumer.pause(*(self._partition(key) for key in standing))

    async def fetch(self, *, wait: float) -> list[Record]:
        """Return records of some lanes, each lane's in offset order; none if `wait` seconds pass.

        Raises LanesInTroubleError, and KafkaError of the other kinds that trying again does not mend by itself.
        After either, `lanes` is empty: what was fetched of others meanwhile is lost, so read them again.
        """
        try:
            fetched = await self._consumer.getmany(timeout_ms=int(wait * 1000), max_records=self._most)
        except lenient_batches.UnreadableBatchError as error:
            self._lose()
            raise LanesInTroubleError(frozenset({self._key(error.partition)}), error) from error
        except OffsetOutOfRangeError as error:
            self._lose()
            raise LanesInTroubleError(frozenset(map(self._key, error.args[0])), error) from error
        except KafkaError:
            self._lose()
            raise
        for partition, records in fetched.items():
            self._handed[self._key(partition)] = records[-1].offset + 1
        return [self._record(record) for records in fetched.values() for record in records]

    async def positions(self) -> dict[LaneKey, int]:
        """Return of each lane the next offset to be fetched, beyond what is no records."""
        found = {}
        for partition in self._consumer.assignment():
            async with _in_time(PATIENCE):
                found[self._key(partition)] = await self._consumer.position(partition)
        return found

    async def tell_group(self, offsets: Mapping[LaneKey, int]) -> None:
        """Commit positions that have moved under the group's name, for lag tools; losing one costs nothing.

        offsets: where the lanes stand that this worker holds. Behind markers and what else is no records the group
        is told to stand behind these, since its tools reckon from offsets alone.
        """
        now = asyncio.get_running_loop().time()
        if now - self._told_all_at >= _TELL_ALL:
            self._told_all_at = now
            self._told.clear()
        try:
            async with _in_time(PATIENCE):
                passed = {
                    key: await self._passed(key, at) for key, at in offsets.items() if key in self._handed
                }
                moved = {key: offset for key, offset in passed.items() if self._told.get(key) != offset}
                if moved:
                    await self._consumer.commit(
                        {self._partition(key): OffsetAndMetadata(at, "") for key, at in moved.items()}
                    )
        except KafkaError as error:
            log.info("group offsets not committed", error=repr(error)[:200])
        else:
            self._told |= moved

    async def _passed(self, key: LaneKey, offset: int) -> int:
        """Return where a lane that stands at an offset could stand as well, no record lying between."""
        position = await self._consumer.position(self._partition(key))
        # Else records before the position are still being processed.
        return max(offset, position) if self._handed.get(key, position) <= offset else offset

    def _lose(self) -> None:
        """Forget where the client is: it may have passed records that nobody was given."""
        self.lanes = frozenset()
        self._handed = {}

    def _record(self, record: ConsumerRecord) -> Record:
        return Record(
            self._names[record.topic],
            record.partition,
            record.offset,
            record.timestamp if record.timestamp >= 0 else None,
            record.key,
            record.value,
            tuple(record.headers),
        )

    def _partition(self, key: LaneKey) -> TopicPartition:
        return TopicPartition(self._kafka_names[key[0]], key[1])

    def _key(self, partition: TopicPartition) -> LaneKey:
        return self._names[partition.topic], partition.partition


@asynccontextmanager
async def _in_time(seconds: float) -> AsyncIterator[None]:
    """Bound what would wait for ever for a dead broker, and name the broker as what is late."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise KafkaTimeoutError(f"no answer within {seconds:g} s") from error
