"""Reads records from Kafka, from the lanes and offsets that assignment.py gives.

Group offsets are committed for lag tools only; the positions are in Postgres.
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
from consumer.infra.kafka.log_bounds import end_offsets, first_offsets

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping

    from aiokafka import ConsumerRecord

    from consumer.infra.settings import Settings
    from consumer.lanes.positions import LaneKey

log = structlog.get_logger(__name__)

# Seconds for requests to brokers, which would otherwise wait for ever.
PATIENCE = 5.0
_START_PATIENCE = 12.0
# Seconds after which the offsets of idle lanes are committed again: brokers expire them after some days.
_COMMIT_ALL = 86_400.0
# Per lane and fetch, compressed; a fetch of all lanes is bounded by `fetch_max_bytes`.
_PARTITION_BYTES = 1 << 20
_FETCH_BYTES = 16 << 20


class UnreadableLanesError(Exception):
    """Some lanes could not be read. Nothing was fetched, of the others neither: call `assign` again."""

    def __init__(self, lanes: frozenset[LaneKey], error: BaseException) -> None:
        super().__init__(f"{sorted(lanes)}: {error}")
        self.lanes = lanes
        # True: the offset is outside the log. False: the batch at the offset cannot be decoded.
        self.out_of_range = isinstance(error, OffsetOutOfRangeError)


class Source:
    """A consumer under `assign()`, not a group member: Kafka never moves a lane, only leases do.

    lanes: those it reads; empty after an error of `fetch`. generation: bumped by `assign`; records fetched under an
    older one have to be discarded.
    """

    def __init__(self, settings: Settings, *, role: str = "ingest", group: str | None = None) -> None:
        """role: of the client, see kafka.client_options. group: whose offsets are committed, if any."""
        lenient_batches.install()
        self._names = kafka.input_topics(settings)
        self._kafka_names = {name: kafka_name for kafka_name, name in self._names.items()}
        self._most = settings.batch_records
        self.lanes: frozenset[LaneKey] = frozenset()
        self.generation = 0
        # The offset after the last record of each lane that `fetch` returned.
        self._fetched: dict[LaneKey, int] = {}
        self._committed: dict[LaneKey, int] = {}
        self._full_commit_at = 0.0
        self._consumer = AIOKafkaConsumer(
            **kafka.client_options(settings, role),
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="none", # a lost position raises, it is never replaced by a guess
            isolation_level="read_committed",
            max_partition_fetch_bytes=_PARTITION_BYTES,
            fetch_max_bytes=_FETCH_BYTES,
            fetch_max_wait_ms=100,
            request_timeout_ms=10_000,
        )  # fmt: skip

    async def start(self) -> None:
        """Connect; raises KafkaConnectionError or KafkaTimeoutError where no broker answers."""
        async with _in_time(_START_PATIENCE):
            await kafka.start_client(self._consumer)

    async def stop(self) -> None:
        """Close the client within two seconds, even if the broker is dead."""
        if error := await kafka.stop_client(self._consumer):
            log.info("consumer not closed cleanly", error=repr(error))

    async def bounds(self, keys: Iterable[LaneKey]) -> dict[LaneKey, tuple[int, int]]:
        """Return (first offset, end) of the log of each lane; the end is the last stable offset.

        Raises KafkaError where brokers do not answer.
        """
        partitions = [self._partition(key) for key in keys]
        if not partitions:
            return {}
        async with _in_time(PATIENCE):
            first = await first_offsets(self._consumer, partitions)
            end = await end_offsets(self._consumer, partitions)
        return {self._key(partition): (first[partition], end[partition]) for partition in partitions}

    def assign(self, offsets: Mapping[LaneKey, int], paused: Mapping[LaneKey, int]) -> None:
        """Read these lanes and no others, each from its offset on.

        paused: offsets of lanes that are held but not read now; they are committed for the group all the same.
        What the client has prefetched, of any lane, is discarded.
        """
        self.lanes = frozenset(offsets)
        self.generation += 1
        self._fetched = {**paused, **offsets}
        self._committed = {key: offset for key, offset in self._committed.items() if key in self._fetched}
        self._consumer.assign([self._partition(key) for key in self._fetched])
        for key, offset in self._fetched.items():
            self._consumer.seek(self._partition(key), offset)
        self._consumer.pause(*(self._partition(key) for key in paused))

    async def fetch(self, *, wait: float) -> list[Record]:
        """Return records of some lanes, each lane's in offset order; none if `wait` seconds pass.

        Raises UnreadableLanesError, and the KafkaErrors that aiokafka does not retry itself. After either, `lanes`
        is empty: records of other lanes may have been fetched and lost, so call `assign` again.
        """
        try:
            fetched = await self._consumer.getmany(timeout_ms=int(wait * 1000), max_records=self._most)
        except lenient_batches.UnreadableBatchError as error:
            self._forget_offsets()
            raise UnreadableLanesError(frozenset({self._key(error.partition)}), error) from error
        except OffsetOutOfRangeError as error:
            self._forget_offsets()
            raise UnreadableLanesError(frozenset(map(self._key, error.args[0])), error) from error
        except KafkaError:
            self._forget_offsets()
            raise
        for partition, records in fetched.items():
            self._fetched[self._key(partition)] = records[-1].offset + 1
        return [self._record(record) for records in fetched.values() for record in records]

    def pause(self, keys: Iterable[LaneKey]) -> None:
        """Fetch no more of these lanes."""
        self._consumer.pause(*map(self._partition, keys))

    async def positions(self) -> dict[LaneKey, int]:
        """Return the next offset to be fetched of each lane, after transaction markers."""
        found = {}
        for partition in self._consumer.assignment():
            async with _in_time(PATIENCE):
                found[self._key(partition)] = await self._consumer.position(partition)
        return found

    async def commit_group_offsets(self, offsets: Mapping[LaneKey, int]) -> None:
        """Commit positions that have moved as the group's offsets, for lag tools. An error is logged only.

        offsets: the positions of the lanes held. Where only transaction markers follow a position the offset after
        them is committed, since lag tools subtract offsets.
        """
        now = asyncio.get_running_loop().time()
        if now - self._full_commit_at >= _COMMIT_ALL:
            self._full_commit_at = now
            self._committed.clear()
        try:
            async with _in_time(PATIENCE):
                equivalent = {
                    key: await self._highest_equivalent(key, offset)
                    for key, offset in offsets.items()
                    if key in self._fetched
                }
                moved = {
                    key: offset for key, offset in equivalent.items() if self._committed.get(key) != offset
                }
                if moved:
                    await self._consumer.commit(
                        {self._partition(key): OffsetAndMetadata(at, "") for key, at in moved.items()}
                    )
        except KafkaError as error:
            log.info("group offsets not committed", error=repr(error)[:200])
        else:
            self._committed |= moved

    async def _highest_equivalent(self, key: LaneKey, offset: int) -> int:
        """Return the highest offset equivalent to this one: only transaction markers lie between."""
        position = await self._consumer.position(self._partition(key))
        # Not equivalent if records before the position are still being processed.
        return max(offset, position) if self._fetched.get(key, position) <= offset else offset

    def _forget_offsets(self) -> None:
        """Forget the client's offsets: it may have advanced past records that `fetch` never returned."""
        self.lanes = frozenset()
        self._fetched = {}

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
    """Bound a request that would wait for ever for a dead broker; raise KafkaTimeoutError."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise KafkaTimeoutError(f"no answer within {seconds:g} s") from error
