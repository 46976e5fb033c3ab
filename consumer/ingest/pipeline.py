"""One pipeline of a worker: its own consumer, its own connection, its own slices, from fetch to batch.

Owns the loop, and what becomes of its errors. Never knows what a batch does, nor who decides which slices it has.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from aiokafka.errors import KafkaError

from consumer.infra.postgres.errors import retry_reason
from consumer.ingest.assignment import Ownership, StuckError
from consumer.ingest.batch_processor import decode_in_turns
from consumer.ingest.batch_report import Stopwatch
from consumer.ingest.source import LanesInTroubleError, Source

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from consumer.infra.clock import Clock
    from consumer.infra.postgres.connection import Connection
    from consumer.infra.settings import Settings
    from consumer.infra.telemetry.health import Health
    from consumer.infra.telemetry.metrics import Metrics
    from consumer.ingest.batch_processor import Ingest
    from consumer.ingest.batch_report import Handled
    from consumer.ingest.triage import Decoded
    from consumer.lanes.leases import SliceLeases
    from consumer.lanes.log_watcher import LogWatcher

log = structlog.get_logger(__name__)

# Seconds: to wait for records; between two tries; until a pipeline that gets nothing from Kafka lets others try.
_FETCH_WAIT = 0.2
_EVERY = 1.0
_GIVE_UP = 10.0
# Bytes of values that go into one batch at most, unless a single record has more.
_BATCH_BYTES = 8 << 20


class Pipeline:
    """A loop around fetch and batch; `ingest.lanes` tells what it reads."""

    def __init__(
        self,
        number: int,
        settings: Settings,
        *,
        ingest: Ingest,
        leases: SliceLeases,
        log_watcher: LogWatcher,
        connect: Callable[[], Awaitable[Connection]],
        metrics: Metrics,
        health: Health,
        clock: Clock,
        observer: Callable[[list[Handled]], None],
    ) -> None:
        self.ingest = ingest
        self.name = component(number)
        self._number = number
        self._settings = settings
        self._leases = leases
        self._metrics = metrics
        self._health = health
        self._clock = clock
        self._observer = observer
        self._ownership = Ownership(
            number, settings, ingest, leases, log_watcher, connect=connect, clock=clock
        )
        self._log_watcher = log_watcher

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until `stopping` is set; then what it holds is free. Raises what is neither passing nor data."""
        self._health.expect(self.name, within=30, vital=True)
        try:
            while not stopping.is_set():
                await self._with_source(stopping)
            await self._ownership.give_back()
        finally:
            self._ownership.forget()
            self.ingest.close()

    async def _with_source(self, stopping: asyncio.Event) -> None:
        """Work with one client until told to stop, or until it has failed."""
        source = Source(self._settings)
        told: asyncio.Task[None] | None = None
        try:
            await source.start()
            told = asyncio.create_task(self._tell_group(source))
            while not stopping.is_set():
                try:
                    await self._work(source, stopping)
                except Exception as error:
                    if isinstance(error, KafkaError | StuckError) or retry_reason(error) is None:
                        raise
                    self._ownership.forget()
                    await self._pause("database", error)
            # Before the goodbye to the brokers, which takes its time.
            await self._ownership.give_back()
        except (KafkaError, StuckError) as error:
            # Not tried again with this client: lanes that change while aiokafka looks for the group's coordinator
            # end its routine by an assertion, and from then on every call fails.
            self._ownership.forget()
            await self._pause("kafka", error)
            await self._make_room_if_deaf()
        finally:
            if told is not None:
                told.cancel()
            await source.stop()

    async def _work(self, source: Source, stopping: asyncio.Event) -> None:
        """Fetch and process until told to stop; the batch in flight is always finished."""
        ahead: asyncio.Task[_Fetched] | None = None
        try:
            while not stopping.is_set():
                if await self._make_room_if_deaf():
                    await asyncio.sleep(_FETCH_WAIT)
                    continue
                await self._ownership.keep_up(source)
                self._health.report(self.name, ok=True)
                if not source.lanes:
                    # Standing by: others hold everything, or all lanes stand still.
                    self._ownership.had_time()
                    await asyncio.sleep(_FETCH_WAIT)
                    continue
                due, ahead = ahead, None
                fetched, watch = await self._next(source, due)
                if len(fetched) >= self._settings.batch_records:
                    # There is more, probably: it is decoded while Postgres has this.
                    ahead = asyncio.create_task(self._fetch(source, wait=0))
                while fetched and not stopping.is_set():
                    count = _fitting([len(one.record.value or b"") for one in fetched])
                    self._observer(await self.ingest.settle(fetched[:count], watch))
                    fetched, watch = fetched[count:], Stopwatch(self._metrics)
                    self._health.report(self.name, ok=True)
        finally:
            if ahead is not None:
                # Whatever it ended with: it comes again, to whoever reads on.
                ahead.cancel()
                await asyncio.gather(ahead, return_exceptions=True)

    async def _next(
        self, source: Source, ahead: asyncio.Task[_Fetched] | None
    ) -> tuple[Sequence[Decoded], Stopwatch]:
        """Return what to process next, which may have been fetched ahead; nothing if there is none."""
        try:
            fetched = await ahead if ahead else None
            # Fetched before the source was told anew where to begin, it comes again.
            if fetched is None or not fetched.decoded or fetched.begun != source.begun:
                fetched = await self._fetch(source, wait=_FETCH_WAIT)
        except LanesInTroubleError as error:
            log.warning("lanes cannot be read", error=str(error)[:300])
            if error.out_of_range:
                self._ownership.out_of_range(error.lanes)
            else:
                self._ownership.unreadable(error.lanes)
            return [], Stopwatch(self._metrics)
        if not fetched.decoded:
            self._ownership.had_time()
        return await self._ownership.proven(fetched.decoded), fetched.watch

    async def _fetch(self, source: Source, *, wait: float) -> _Fetched:
        watch, begun = Stopwatch(self._metrics), source.begun
        with watch.stage("fetch"):
            records = await source.fetch(wait=wait)
        return _Fetched(await decode_in_turns(records, watch), watch, begun)

    async def _pause(self, what: str, error: BaseException) -> None:
        self._health.report(self.name, ok=False, why=f"{what}: {error!r}"[:200])
        log.warning("ingest tries again", because=what, pipeline=self._number, error=repr(error)[:200])
        await asyncio.sleep(_EVERY)

    async def _make_room_if_deaf(self) -> bool:
        """Let others have the slices while Kafka does not answer here; tell whether that is so."""
        deaf = self._clock.monotonic() - self._log_watcher.answered_at > _GIVE_UP
        self._leases.set_can_read(self._number, can_read=not deaf)
        if deaf:
            await self._ownership.give_back()
            self._health.report(self.name, ok=False, why="kafka: no answer, others may have the lanes")
        return deaf

    async def _tell_group(self, source: Source) -> None:
        """Show positions to Kafka's tools, beside the batches: it must not hold one up."""
        while True:
            await asyncio.sleep(_EVERY)
            await source.tell_group({key: lane.next_offset for key, lane in self.ingest.lanes.items()})


@dataclass(frozen=True, slots=True)
class _Fetched:
    """Records that were fetched together. watch: what that took. begun: of the source, when it was asked."""

    decoded: Sequence[Decoded]
    watch: Stopwatch
    begun: int


def component(number: int) -> str:
    """Return what a pipeline is called where the health of a process is told."""
    return "ingest" if number == 0 else f"ingest-{number + 1}"


def _fitting(sizes: list[int]) -> int:
    """Return how many records, at least one, fit into a batch."""
    total = 0
    for count, size in enumerate(sizes):
        total += size
        if count and total > _BATCH_BYTES:
            return count
    return len(sizes)
