"""The worker: puts the parts together, runs them beside each other, and ends them in order.

Owns the composition, the loop from fetch to batch, and what SIGTERM does. Never knows what a batch does.
"""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import structlog
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from consumer import db, health, kafka, lanes, probes
from consumer.accounting import Stopwatch
from consumer.clock import SystemClock
from consumer.db import retry_reason
from consumer.health import Health
from consumer.inbox import Inbox
from consumer.ingest import Ingest
from consumer.lag import Lag
from consumer.metrics import Metrics
from consumer.model import LaneStop
from consumer.relay import Relay
from consumer.source import Source
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.accounting import Handled
    from consumer.lanes import Lane, LaneKey
    from consumer.settings import Settings

log = structlog.get_logger(__name__)

# Seconds: to wait for records; between looks at lag and inbox; for everything to end after SIGTERM.
_FETCH_WAIT = 0.2
_EVERY = 1.0
_FAREWELL = 8.0
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
        self._ingest = Ingest(
            self._connect,
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
        try:
            while not self.stopping.is_set():
                try:
                    await self._load_lanes(source)
                    await self._consume(source, lag)
                except OffsetOutOfRangeError as error:
                    log.warning("position outside the log, loading lanes again", error=repr(error)[:200])
                except (KafkaError, TimeoutError) as error:
                    await self._pause("kafka", error)
                except Exception as error:
                    if retry_reason(error) is None:
                        raise
                    await self._pause("database", error)
        finally:
            await source.stop()

    async def _consume(self, source: Source, lag: Lag) -> None:
        """Fetch and process until told to stop; the batch in flight is always finished."""
        told_at = self.clock.monotonic()
        while not self.stopping.is_set():
            self.health.report("ingest", ok=True)
            watch = Stopwatch(self.metrics)
            with watch.stage("fetch"):
                records = await source.fetch(wait=_FETCH_WAIT)
            while records:
                count = _fitting([len(record.value or b"") for record in records])
                self._observer(await self._ingest.process(records[:count]))
                records = records[count:]
                self.health.report("ingest", ok=True)
            if any(lane.stopped for lane in self._ingest.lanes.values()):
                self._stand_still(source)
            if self.clock.monotonic() - told_at >= _EVERY:
                told_at = self.clock.monotonic()
                await lag.measure()
                await source.tell_group({key: lane.next_offset for key, lane in self._ingest.lanes.items()})

    # Lanes ---------------------------------------------------------------------------------------------------

    async def _load_lanes(self, source: Source) -> None:
        """Take all lanes of all topics over, and read each from where it stands, if it can be read there."""
        keys = await self._all_lanes()
        bounds = await source.bounds(keys)
        connection = await self._connect()
        try:
            known = {row["topic"] for row in await connection.fetch(queries("lanes")["known_topics"])}
            latest = self.settings.start == "latest"
            starts = {
                key: end if latest and key[0] not in known else first for key, (first, end) in bounds.items()
            }
            await self._ingest.take_lanes(starts)
            for lane in list(self._ingest.lanes.values()):
                if reason := _lost(lane, bounds[lane.key]):
                    await lanes.stop(connection, lane, reason)
                    self._ingest.lanes[lane.key] = lanes.stopped(lane, reason)
        finally:
            await connection.close()
        self._stand_still(source)

    def _stand_still(self, source: Source) -> None:
        """Read the lanes that go on, from where they stand, and leave those that stopped."""
        held = self._ingest.lanes.values()
        source.read({lane.key: lane.next_offset for lane in held if not lane.stopped})
        for reason in LaneStop:
            self.metrics.lane_stopped.labels(reason.value).set(sum(lane.stopped == reason for lane in held))

    async def _all_lanes(self) -> list[LaneKey]:
        async with kafka.plain_client(self.settings, "lanes") as client:
            partitions = await kafka.partitions_by_topic(client)
        names = kafka.input_topics(self.settings)
        for kafka_name in names:
            if not partitions.get(kafka_name):
                log.warning("topic is missing", topic=kafka_name)
        return [
            (name, partition)
            for kafka_name, name in names.items()
            for partition in range(partitions.get(kafka_name, 0))
        ]

    # Beside it -----------------------------------------------------------------------------------------------

    async def _started_source(self) -> Source | None:
        while not self.stopping.is_set():
            source = Source(self.settings)
            try:
                await source.start()
            except (KafkaError, OSError) as error:
                await source.stop()
                await self._pause("kafka", error)
            else:
                return source
        return None

    async def _pause(self, what: str, error: BaseException) -> None:
        self.health.report("ingest", ok=False, why=f"{what}: {error!r}"[:200])
        log.warning("ingest tries again", because=what, error=repr(error)[:200])
        await asyncio.sleep(_EVERY)

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


def _lost(lane: Lane, bounds: tuple[int, int]) -> LaneStop | None:
    """Tell why a lane cannot be read where it stands: its records are gone, or the log ends before it."""
    first, end = bounds
    if lane.stopped:
        return None
    if lane.next_offset < first:
        return LaneStop.LOG_TRUNCATED
    if lane.next_offset > end:
        return LaneStop.TOPIC_RECREATED
    return None
