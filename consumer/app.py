"""The worker: puts the parts together, runs them beside each other, and ends them in order.

Owns the composition, the loop from fetch to batch, and what SIGTERM does. Never knows what a batch does.
"""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import structlog
from aiokafka.errors import KafkaError

from consumer import db, health, probes
from consumer.accounting import Stopwatch
from consumer.clock import SystemClock
from consumer.db import retry_reason
from consumer.health import Health
from consumer.inbox import Inbox
from consumer.ingest import Ingest
from consumer.lag import Lag
from consumer.metrics import Metrics
from consumer.ownership import Ownership
from consumer.relay import Relay
from consumer.source import Source

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.accounting import Handled
    from consumer.model import Record
    from consumer.settings import Settings

log = structlog.get_logger(__name__)

# Seconds: to wait for records; between looks at lag and inbox, and at topics that are missing; for the batch in
# flight to end after SIGTERM, which leaves five for goodbyes that nobody answers.
_FETCH_WAIT = 0.2
_EVERY = 1.0
_LOOK_FOR_TOPICS = 5.0
_FAREWELL = 5.0
# Bytes of values that go into one batch at most, unless a single record has more.
_BATCH_BYTES = 8 << 20


class Worker:
    """One process's worth of the service: ingest, relay, probes and HTTP."""

    def __init__(
        self,
        settings: Settings,
        *,
        observer: Callable[[list[Handled]], None] = lambda _handled: None,
    ) -> None:
        self.settings = settings
        self.clock = SystemClock()
        self.metrics = Metrics()
        self.health = Health(self.clock)
        self.stopping = asyncio.Event()
        self._observer = observer
        self._inbox = Inbox(self.clock)
        self._relay = Relay(
            self._connect, settings, metrics=self.metrics, health=self.health, clock=self.clock
        )
        self._connected = False
        # Fetched but not committed yet.
        self._in_flight: list[Record] = []
        self._ingest = Ingest(
            self._connect_ingest,
            metrics=self.metrics,
            inbox=self._inbox,
            claim_window=settings.claim_window,
            clock=self.clock,
            committed=self._relay.wake,
        )

    async def run(self, only: str | None = None) -> None:
        """Work until `stopping` is set; `only`: 'ingest' or 'relay', for one of them.

        Raises OSError where the HTTP port is taken, and whatever is neither passing nor somebody's data.
        """
        listener = health.listen(self.settings.http_host, self.settings.http_port)
        for part in ("database", "kafka"):
            self.health.expect(part, within=probes.EVERY + 2 * probes.PATIENCE)
        async with asyncio.TaskGroup() as beside:
            side = [
                beside.create_task(health.serve(health.application(self.health, self.metrics), listener)),
                beside.create_task(probes.watch_database(self.settings, self.health)),
                beside.create_task(probes.watch_kafka(self.settings, self.health)),
            ]
            try:
                async with asyncio.TaskGroup() as work:
                    if only in {None, "ingest"}:
                        work.create_task(self._run_ingest())
                        side.append(beside.create_task(self._flush_inbox()))
                    if only in {None, "relay"}:
                        work.create_task(self._relay.run(self.stopping))
            finally:
                for task in side:
                    task.cancel()

    # The loop ------------------------------------------------------------------------------------------------

    async def _run_ingest(self) -> None:
        self.health.expect("ingest", within=30, vital=True)
        source = await self._started_source()
        if source is None:
            return
        lag = Lag(source, self._ingest, self.metrics, self.clock)
        told = asyncio.create_task(self._tell_of_lanes(source, lag))
        ownership = Ownership(
            self.settings,
            source,
            self._ingest,
            connect=self._connect,
            metrics=self.metrics,
            health=self.health,
        )
        try:
            while not self.stopping.is_set():
                try:
                    await ownership.load()
                    await self._consume(source, ownership)
                except KafkaError as error:
                    await self._pause("kafka", error)
                except Exception as error:
                    if retry_reason(error) is None:
                        raise
                    await self._pause("database", error)
            await self._flush_inbox_once()
        finally:
            told.cancel()
            self._ingest.close()
            await source.stop()

    async def _consume(self, source: Source, ownership: Ownership) -> None:
        """Fetch and process until told to stop, or until it is time to look for topics that were missing.

        The batch in flight is always finished.
        """
        began_at = self.clock.monotonic()
        while not self.stopping.is_set():
            self.health.report("ingest", ok=True)
            watch = Stopwatch(self.metrics)
            with watch.stage("fetch"):
                records = await source.fetch(wait=_FETCH_WAIT)
            while records:
                count = _fitting([len(record.value or b"") for record in records])
                self._in_flight = records
                self._observer(await self._ingest.process(records[:count]))
                records = records[count:]
                self.health.report("ingest", ok=True)
            self._in_flight = []
            ownership.follow()
            if ownership.missing and self.clock.monotonic() - began_at >= _LOOK_FOR_TOPICS:
                return

    # Beside it -----------------------------------------------------------------------------------------------

    async def _started_source(self) -> Source | None:
        while not self.stopping.is_set():
            source = Source(self.settings)
            try:
                await source.start()
            except KafkaError as error:
                await source.stop()
                await self._pause("kafka", error)
            else:
                return source
        return None

    async def _pause(self, what: str, error: BaseException) -> None:
        self.health.report("ingest", ok=False, why=f"{what}: {error!r}"[:200])
        log.warning("ingest tries again", because=what, error=repr(error)[:200])
        await asyncio.sleep(_EVERY)

    async def _tell_of_lanes(self, source: Source, lag: Lag) -> None:
        """Measure lag and show positions to Kafka's tools, beside the batches: neither may hold one up."""
        while True:
            await asyncio.sleep(_EVERY)
            try:
                await lag.measure(self._in_flight)
            except KafkaError as error:
                log.info("lag not measured", error=repr(error)[:200])
            await source.tell_group({key: lane.next_offset for key, lane in self._ingest.lanes.items()})

    async def _flush_inbox_once(self) -> None:
        """Write down what the inbox counted since the last time; who ends in order forgets nothing."""
        try:
            async with asyncio.timeout(_EVERY):
                connection = await self._connect()
                try:
                    await self._inbox.flush(connection)
                finally:
                    connection.terminate()
        except Exception as error:
            if retry_reason(error) is None:
                raise
            log.warning("inbox not written down", error=repr(error)[:200])

    async def _flush_inbox(self) -> None:
        connection = None
        try:
            while True:
                await asyncio.sleep(_EVERY)
                try:
                    connection = connection or await self._connect()
                    await self._inbox.flush(connection)
                except Exception as error:
                    if retry_reason(error) is None:
                        raise
                    if connection is not None:
                        connection.terminate()
                        connection = None
        finally:
            if connection is not None:
                connection.terminate()

    async def _connect(self) -> db.Connection:
        return await db.connect(self.settings.dsn())

    async def _connect_ingest(self) -> db.Connection:
        """Connect for batches: done anew after every error, so it tells that they are being repeated.

        Told each time, since a loop that waits for a database that is away must not count as stuck.
        """
        if self._connected:
            self.health.report("ingest", ok=False, why="database: the batch is being repeated")
        self._connected = True
        return await self._connect()


async def run(settings: Settings, only: str | None = None) -> None:
    """Run a worker until SIGTERM or SIGINT: the batch in flight is finished, the outbox emptied if it can be."""
    worker = Worker(settings)
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()

    def stop(name: str) -> None:
        log.info("stopping", signal=name)
        worker.stopping.set()
        if task is not None:
            # Whoever is away must not hold up the end: what is not committed by then is begun again later.
            loop.call_later(_FAREWELL, task.cancel)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number.name)
    try:
        await worker.run(only)
    except asyncio.CancelledError:
        if not worker.stopping.is_set():
            raise
        log.warning("stopped before everything was done; nothing is lost")


def _fitting(sizes: list[int]) -> int:
    """Return how many records, at least one, fit into a batch."""
    total = 0
    for count, size in enumerate(sizes):
        total += size
        if count and total > _BATCH_BYTES:
            return count
    return len(sizes)
