"""The worker process: creates its parts, runs them concurrently, and stops them in order on SIGTERM."""

from __future__ import annotations

import asyncio
import signal
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from consumer.infra import http_server, postgres
from consumer.infra.clock import DatabaseClock
from consumer.infra.fitness import Fitness
from consumer.infra.postgres.connection_keeper import ConnectionKeeper
from consumer.infra.postgres.errors import retry_reason
from consumer.infra.telemetry import dependency_probes, health
from consumer.infra.telemetry.health import Health
from consumer.infra.telemetry.metrics import Metrics
from consumer.ingest import pipeline
from consumer.ingest.batch_processor import BatchProcessor
from consumer.ingest.concurrency import Concurrency
from consumer.ingest.held_lanes import HeldLanes
from consumer.ingest.ignored_events import IgnoredEvents
from consumer.ingest.pipeline import Pipeline
from consumer.ingest.unmatched_inbox import UnmatchedInbox
from consumer.lanes.lag import LagMonitor
from consumer.lanes.log_watcher import LogWatcher
from consumer.lanes.slice_leases import SliceLeases
from consumer.relay.relay import Relay
from consumer.relay.shard_leases import ShardLeases
from consumer.relay.webhooks.run import Webhooks
from consumer.worker.backfill_jobs import BackfillJobs
from consumer.worker.background_jobs import BackgroundJobs
from consumer.worker.due_purges import DuePurges
from consumer.worker.identity_jobs import IdentityJobs
from consumer.worker.maintenance import Kept, Maintenance

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence

    from consumer.infra.settings import Settings
    from consumer.ingest.batch import RecordOutcome
    from consumer.lanes.positions import Lane, LaneKey
    from consumer.worker.supervisor_link import SupervisorLink

log = structlog.get_logger(__name__)

# Seconds from one flush of the inbox to the next.
_FLUSH_EVERY = 1.0
# One enqueues, the others note what has arrived.
_WEBHOOK_CONNECTIONS = 3
# Seconds for the batches in flight to end after SIGTERM: of the ten that stopping may take, five are left for
# closing connections whose other side does not answer.
_STOP_SECONDS = 5.0


class Worker:
    """One process: pipelines, relay, maintenance, background jobs, probes and the HTTP endpoints for them."""

    def __init__(
        self,
        settings: Settings,
        *,
        observer: Callable[[Sequence[RecordOutcome]], None] = lambda _results: None,
        link: SupervisorLink | None = None,
    ) -> None:
        """link: to the supervisor, which then serves health and metrics in place of this process."""
        self.settings = settings
        self._link = link
        self.clock = DatabaseClock()
        self.metrics = Metrics()
        self.health = Health(self.clock)
        self.stopping = asyncio.Event()
        self._observer = observer
        self._inbox = UnmatchedInbox(self.clock)
        self._ignored = IgnoredEvents(self.clock) if settings.ignored_days else None
        self._relay = Relay(
            self._connect,
            settings,
            ShardLeases(self.clock),
            metrics=self.metrics,
            health=self.health,
            clock=self.clock,
        )
        self._log_watcher = LogWatcher(settings, self.clock)
        self._fitness = Fitness(self.clock)
        self._leases = SliceLeases(
            self._connect,
            pipelines=settings.pipelines,
            metrics=self.metrics,
            health=self.health,
            clock=self.clock,
            fitness=self._fitness,
        )
        self._concurrency = Concurrency(self.clock, settings.pipelines, self.metrics)
        self._pipelines = [self._pipeline(number) for number in range(settings.pipelines)]

    @property
    def lanes(self) -> dict[LaneKey, Lane]:
        """The lanes that this worker holds, at the positions that it last knew."""
        return {key: lane for one in self._pipelines for key, lane in one.lanes.items()}

    async def run(self, only: str | None = None) -> None:
        """Work until `stopping` is set. only: 'ingest' or 'relay' runs one of the two.

        Raises CannotListenError if the HTTP port is taken, and every error that is neither transient nor caused
        by a record's data.
        """
        showing = self._show_health()
        for part in ("database", "kafka"):
            self.health.expect(part, within=dependency_probes.INTERVAL + 2 * dependency_probes.TIMEOUT)
        async with asyncio.TaskGroup() as side_tasks:
            side = [
                side_tasks.create_task(showing),
                side_tasks.create_task(
                    dependency_probes.watch_database(self.settings, self.health, clock=self.clock)
                ),
                side_tasks.create_task(dependency_probes.watch_kafka(self.settings, self.health)),
                side_tasks.create_task(self._lag_monitor(registers_lanes=only in {None, "ingest"}).run()),
            ]
            try:
                async with asyncio.TaskGroup() as work:
                    if only in {None, "ingest"}:
                        side.append(side_tasks.create_task(self._flush_inbox_regularly()))
                        side.append(side_tasks.create_task(self._maintenance().run(self.stopping)))
                        side.append(side_tasks.create_task(self._background_jobs().run(self.stopping)))
                        side.append(side_tasks.create_task(self._identity_jobs().run(self.stopping)))
                        side.append(side_tasks.create_task(self._backfill_jobs().run(self.stopping)))
                        side.append(side_tasks.create_task(DuePurges(self._connect).run(self.stopping)))
                        work.create_task(self._run_pipelines())
                    if only in {None, "relay"}:
                        work.create_task(self._run_webhooks())
                        work.create_task(self._relay.run(self.stopping))
            finally:
                for task in side:
                    task.cancel()

    def _show_health(self) -> Coroutine[None, None, None]:
        """Return what serves or reports health and metrics; listens already, so that a taken port fails at once."""
        if self._link is not None:
            return self._link.report(self.health, self.metrics, wake=self._relay.wake)
        listener = http_server.listen_for_health(self.settings)
        return http_server.serve(health.application(self.health, self.metrics), listener)

    # The pipelines -------------------------------------------------------------------------------------------

    async def _run_pipelines(self) -> None:
        """Run all pipelines under one heartbeat; at the end release their slices for others to claim at once."""
        heartbeat = asyncio.create_task(self._leases.run(), name="leases")
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._raise_from(heartbeat))
                pipelines = [group.create_task(one.run(self.stopping)) for one in self._pipelines]
                await self.stopping.wait()
                self._leases.stop_claiming()
                await asyncio.wait(pipelines)
                heartbeat.cancel()
            await self._leases.leave()
        finally:
            heartbeat.cancel()
            self._leases.close()
        await self._flush_inbox_once()

    @staticmethod
    async def _raise_from(task: asyncio.Task[None]) -> None:
        """Return if the task is cancelled, raise if it fails: without a heartbeat no pipeline may continue."""
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()

    def _pipeline(self, number: int) -> Pipeline:
        lanes, connect = HeldLanes(), self._connect_for(number)
        processor = BatchProcessor(
            connect,
            lanes,
            metrics=self.metrics,
            inbox=self._inbox,
            ignored=self._ignored,
            claim_window=self.settings.claim_window,
            clock=self.clock,
            committed=self._wake_relays,
            # A pipeline that waits for the database is alive.
            waiting=lambda why: self.health.report(pipeline.component(number), ok=False, why=why),
        )
        return Pipeline(
            number,
            self.settings,
            processor=processor,
            lanes=lanes,
            leases=self._leases,
            log_watcher=self._log_watcher,
            connect=connect,
            metrics=self.metrics,
            health=self.health,
            clock=self.clock,
            fitness=self._fitness,
            concurrency=self._concurrency,
            observer=self._observer,
        )

    def _wake_relays(self) -> None:
        """Let the relay of the batch's shard publish it: in this process, or in another one of its supervisor."""
        self._relay.wake()
        if self._link is not None:
            self._link.report_commit()

    # Beside the relay ------------------------------------------------------------------------------------------

    async def _run_webhooks(self) -> None:
        async with postgres.pool(self.settings.dsn(), size=_WEBHOOK_CONNECTIONS) as pool:
            webhooks = Webhooks(
                pool,
                private=self.settings.webhook_private,
                log_days=self.settings.webhook_log_days,
                metrics=self.metrics,
                clock=self.clock,
            )
            await webhooks.run(self.stopping)

    # Beside the pipelines ------------------------------------------------------------------------------------

    def _lag_monitor(self, *, registers_lanes: bool) -> LagMonitor:
        return LagMonitor(
            self.settings,
            self._log_watcher,
            connect=self._connect,
            held_lanes=lambda: set(self.lanes),
            metrics=self.metrics,
            health=self.health,
            clock=self.clock,
            registers_lanes=registers_lanes,
            on_new_lanes=self._leases.wake,
        )

    def _maintenance(self) -> Maintenance:
        kept = Kept(
            claims=self.settings.claim_window,
            dead_letters=_days(self.settings.dead_letter_days),
            samples=_days(self.settings.sample_days),
            ignored_events=timedelta(days=self.settings.ignored_days),
        )
        return Maintenance(self._connect, kept=kept, clock=self.clock)

    def _background_jobs(self) -> BackgroundJobs:
        return BackgroundJobs(
            self._connect, clock=self.clock, has_backlog=lambda: self._concurrency.has_backlog
        )

    def _identity_jobs(self) -> IdentityJobs:
        return IdentityJobs(self._connect, clock=self.clock)

    def _backfill_jobs(self) -> BackfillJobs:
        return BackfillJobs(self._connect, self.settings, clock=self.clock)

    async def _flush_inbox_once(self) -> None:
        """Flush the inbox counters one last time on clean shutdown."""
        try:
            with ConnectionKeeper(self._connect) as database:
                async with asyncio.timeout(_FLUSH_EVERY):
                    await self._flush(await database.get())
        except Exception as error:
            if retry_reason(error) is None:
                raise
            log.warning("inbox not flushed", error=repr(error)[:200])

    async def _flush_inbox_regularly(self) -> None:
        with ConnectionKeeper(self._connect) as database:
            while True:
                await asyncio.sleep(_FLUSH_EVERY)
                try:
                    await self._flush(await database.get())
                except Exception as error:
                    if retry_reason(error) is None:
                        raise
                    database.drop()

    async def _flush(self, connection: postgres.Connection) -> None:
        await self._inbox.flush(connection)
        if self._ignored is not None:
            await self._ignored.flush(connection)

    async def _connect(self) -> postgres.Connection:
        return await postgres.connect(self.settings.dsn())

    def _connect_for(self, number: int) -> Callable[[], Awaitable[postgres.Connection]]:
        """Return how a pipeline connects, which notes whether it can.

        A batch that fails on an open connection is no sign that another worker would succeed.
        """

        async def connect() -> postgres.Connection:
            try:
                connection = await self._connect()
            except Exception:
                self._fitness.failed(number)
                raise
            self._fitness.worked(number)
            return connection

        return connect


def _days(number: int) -> timedelta | None:
    return timedelta(days=number) if number else None


async def run(settings: Settings, only: str | None = None, link: SupervisorLink | None = None) -> None:
    """Run a worker until SIGTERM or SIGINT; then finish the batch in flight and drain the outbox if possible.

    A second signal ends it at once, unless a supervisor decides when. link: see Worker.
    """
    worker = Worker(settings, link=link)
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()

    # Service managers may send SIGTERM to the processes of a supervisor too: there a second one means nothing.
    def stop(name: str) -> None:
        log.info("stopping", signal=name)
        # A server that does not answer must not delay the end: what is not committed then is processed again.
        patience = 0.0 if worker.stopping.is_set() and link is None else _STOP_SECONDS
        worker.stopping.set()
        if task is not None:
            loop.call_later(patience, task.cancel)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number.name)
    try:
        await worker.run(only)
    except asyncio.CancelledError:
        if not worker.stopping.is_set():
            raise
        log.warning("stopped with work in flight; it will be processed again")
