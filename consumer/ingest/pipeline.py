"""One pipeline of a worker: fetch, decode, commit, over a consumer, a connection and lanes of its own."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from aiokafka.errors import KafkaError

from consumer.infra.open_files import reason_of
from consumer.infra.postgres.errors import retry_reason
from consumer.infra.telemetry.repeated_lines import RepeatedLines
from consumer.ingest.assignment import Assignment, StalledError
from consumer.ingest.decode_records import decode_records
from consumer.ingest.source import Source, UnreadableLanesError
from consumer.ingest.stopwatch import Stopwatch

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from consumer.infra.clock import Clock
    from consumer.infra.fitness import Fitness
    from consumer.infra.postgres.connection import Connection
    from consumer.infra.settings import Settings
    from consumer.infra.telemetry.health import Health
    from consumer.infra.telemetry.metrics import Metrics
    from consumer.ingest.batch import DecodedRecord, RecordOutcome
    from consumer.ingest.batch_processor import BatchProcessor
    from consumer.ingest.concurrency import Concurrency
    from consumer.ingest.held_lanes import HeldLanes
    from consumer.lanes.log_watcher import LogWatcher
    from consumer.lanes.slice_leases import SliceLeases

log = structlog.get_logger(__name__)

# Seconds to wait for records; after an error; between two commits of group offsets; and without an answer of Kafka
# until other workers may have the lanes.
_FETCH_WAIT = 0.2
_RETRY_AFTER = 1.0
_COMMIT_OFFSETS_EVERY = 1.0
_KAFKA_SILENT = 10.0
# Bytes of values that go into one batch at most, unless a single record has more.
_BATCH_BYTES = 8 << 20


class Pipeline:
    """A loop around fetch and batch. lanes: those it holds. observer: called with the outcomes of each batch."""

    def __init__(
        self,
        number: int,
        settings: Settings,
        *,
        processor: BatchProcessor,
        lanes: HeldLanes,
        leases: SliceLeases,
        log_watcher: LogWatcher,
        connect: Callable[[], Awaitable[Connection]],
        metrics: Metrics,
        health: Health,
        clock: Clock,
        fitness: Fitness,
        concurrency: Concurrency,
        observer: Callable[[Sequence[RecordOutcome]], None],
    ) -> None:
        self.lanes = lanes
        self.name = component(number)
        self._processor = processor
        self._number = number
        self._settings = settings
        self._leases = leases
        self._metrics = metrics
        self._health = health
        self._clock = clock
        self._fitness = fitness
        self._concurrency = concurrency
        self._observer = observer
        self._assignment = Assignment(
            number, settings, lanes, leases, log_watcher, connect=connect, clock=clock
        )
        self._log_watcher = log_watcher
        self._repeated = RepeatedLines(clock.monotonic)

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until `stopping` is set, then release all leases. Raises what is neither transient nor data."""
        self._health.expect(self.name, within=30, vital=True)
        try:
            while not stopping.is_set():
                await self._with_source(stopping)
            await self._assignment.give_back()
        finally:
            self._assignment.forget()
            self._processor.close()

    async def _with_source(self, stopping: asyncio.Event) -> None:
        """Work with one Kafka client until `stopping` is set or the client fails."""
        source = Source(self._settings, group=self._settings.kafka_group)
        committing: asyncio.Task[None] | None = None
        try:
            await source.start()
            committing = asyncio.create_task(self._commit_group_offsets(source))
            while not stopping.is_set():
                try:
                    await self._work(source, stopping)
                except Exception as error:
                    if isinstance(error, KafkaError | StalledError) or retry_reason(error) is None:
                        raise
                    self._assignment.forget()
                    await self._pause("database", error)
            # Before the client is closed, which takes its time.
            await self._assignment.give_back()
        except (KafkaError, StalledError) as error:
            # Not tried again with this client: lanes that change while aiokafka looks for the group's coordinator
            # end its routine by an assertion, and from then on every call fails.
            self._assignment.forget()
            self._fitness.failed(self._number)
            await self._pause("kafka", error)
            await self._stands_by(reaches_kafka=False)
        finally:
            if committing is not None:
                committing.cancel()
            await source.stop()

    # The path ------------------------------------------------------------------------------------------------

    async def _work(self, source: Source, stopping: asyncio.Event) -> None:
        """Fetch, decode and commit until `stopping` is set; the batch in flight is always finished."""
        ahead: asyncio.Task[_Fetched] | None = None
        try:
            while not stopping.is_set():
                if await self._stands_by():
                    await asyncio.sleep(_FETCH_WAIT)
                    continue
                await self._assignment.sync(source)
                self._health.report(self.name, ok=True)
                if not source.lanes:
                    # Other workers hold every lane, or all lanes held are stopped.
                    self._assignment.note_idle(_FETCH_WAIT)
                    await asyncio.sleep(_FETCH_WAIT)
                    continue
                prefetched, ahead = ahead, None
                records, watch = await self._next_records(source, prefetched)
                self._fitness.worked(self._number)
                full = len(records) >= self._settings.batch_records
                self._concurrency.note_batch(len(records), full=full)
                if full:
                    # Probably more records wait: they are decoded while Postgres has this batch.
                    ahead = asyncio.create_task(self._fetch(source, wait=0))
                while records and not stopping.is_set():
                    count = _batch_size([len(one.record.value or b"") for one in records])
                    self._observer(await self._processor.commit_batch(records[:count], watch))
                    records, watch = records[count:], Stopwatch(self._metrics)
                    self._health.report(self.name, ok=True)
        finally:
            if ahead is not None:
                # Its records will be fetched again, here or by the next owner of the lanes. Retrieve its exception,
                # or asyncio logs it at garbage collection.
                ahead.cancel()
                await asyncio.gather(ahead, return_exceptions=True)

    async def _next_records(
        self, source: Source, ahead: asyncio.Task[_Fetched] | None
    ) -> tuple[Sequence[DecodedRecord], Stopwatch]:
        """Return the records to process next, prefetched or fetched now; none if none wait."""
        try:
            fetched = await ahead if ahead else None
            # Records fetched before the source was assigned anew are fetched again.
            if fetched is None or not fetched.records or fetched.generation != source.generation:
                fetched = await self._fetch(source, wait=_FETCH_WAIT)
        except UnreadableLanesError as error:
            self._repeated.warn(log, "lanes cannot be read", error=str(error)[:300])
            if error.out_of_range:
                self._assignment.note_out_of_range(error.lanes)
            else:
                self._assignment.note_unreadable(error.lanes)
            return [], Stopwatch(self._metrics)
        if not fetched.records:
            self._assignment.note_idle(_FETCH_WAIT)
        return await self._assignment.verify_first_records(fetched.records), fetched.watch

    async def _fetch(self, source: Source, *, wait: float) -> _Fetched:
        watch, generation = Stopwatch(self._metrics), source.generation
        with watch.stage("fetch"):
            records = await source.fetch(wait=wait)
        return _Fetched(await decode_records(records, watch), watch, generation)

    # Beside it -----------------------------------------------------------------------------------------------

    async def _pause(self, what: str, error: BaseException) -> None:
        reason = reason_of(error)[:200]
        self._health.report(self.name, ok=False, why=f"{what}: {reason}"[:200])
        self._repeated.warn(log, "ingest tries again", because=what, pipeline=self._number, error=reason)
        await asyncio.sleep(_RETRY_AFTER)

    async def _stands_by(self, *, reaches_kafka: bool = True) -> bool:
        """Release our slices while others keep up alone, or Kafka has not answered for 10 s. Returns True if so.

        One that reaches Kafka, and has not worked yet or has failed for long, shows that it reaches the database.
        """
        silent = self._clock.monotonic() - self._log_watcher.answered_at > _KAFKA_SILENT
        wanted = self._number < self._concurrency.wanted
        if wanted and not silent and reaches_kafka and not self._fitness.may_hold(self._number):
            await self._processor.reach_database()
            self._fitness.worked(self._number)
        self._leases.set_can_read(self._number, can_read=wanted and not silent)
        if wanted and not silent:
            return False
        await self._assignment.give_back()
        why = "kafka: no answer, other workers may have the lanes" if silent else ""
        self._health.report(self.name, ok=not silent, why=why)
        return True

    async def _commit_group_offsets(self, source: Source) -> None:
        """Commit positions as group offsets beside the batches, so that none waits for it."""
        while True:
            await asyncio.sleep(_COMMIT_OFFSETS_EVERY)
            await source.commit_group_offsets({key: lane.next_offset for key, lane in self.lanes.items()})


@dataclass(frozen=True, slots=True)
class _Fetched:
    """Records that were fetched together. watch: its stages so far. generation: the source's when it was asked."""

    records: Sequence[DecodedRecord]
    watch: Stopwatch
    generation: int


def component(number: int) -> str:
    """Return the name of a pipeline in the health of the process."""
    return "ingest" if number == 0 else f"ingest-{number + 1}"


def _batch_size(sizes: list[int]) -> int:
    """Return how many of these records, at least one, fit into a batch. sizes: bytes of their values."""
    total = 0
    for count, size in enumerate(sizes):
        total += size
        if count and total > _BATCH_BYTES:
            return count
    return len(sizes)
