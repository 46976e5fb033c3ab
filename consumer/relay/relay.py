"""Publishes the outbox to Kafka, shard by shard and in position order: one task for each shard leased.

After any error whose outcome is unknown the publisher of the shard is discarded; a new one starts at the position
that Kafka holds. A relay has no shards before it has published a probe, and none from when it has failed to publish
one for ten seconds beside another relay, until it has published a probe again. One that meets facts of a newer
format publishes what is before them, and beside another relay leaves its shards to it for a minute.

Transactional mode: a `read_committed` reader finds every message exactly once. Plain mode, for brokers without
transactions (the embedded one): at least once; repeated messages have the same id, since ids are deterministic.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from consumer.infra.kafka.client import TopicsMissingError
from consumer.infra.open_files import reason_of
from consumer.infra.postgres.connection_keeper import ConnectionKeeper
from consumer.infra.postgres.errors import retry_reason
from consumer.infra.telemetry.repeated_lines import RepeatedLines
from consumer.infra.wait import event_within
from consumer.relay.admission import Admission
from consumer.relay.fact_format import NewerFactsError
from consumer.relay.message_sizes import MessageSizes
from consumer.relay.plain_publisher import DeliveryInDoubtError, PlainPublisher
from consumer.relay.shard_publisher import NewIncarnationError, ShardPublisher
from consumer.relay.transaction_size import TransactionSize
from consumer.relay.transactional_publisher import TransactionalPublisher

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from consumer.infra.clock import Clock
    from consumer.infra.postgres.connection import Connection
    from consumer.infra.settings import Settings
    from consumer.infra.telemetry.health import Health
    from consumer.infra.telemetry.metrics import Metrics
    from consumer.relay.plain_publisher import KafkaPublisher
    from consumer.relay.shard_leases import ShardLeases

log = structlog.get_logger(__name__)

# Seconds: from one heartbeat of the leases to the next; until an idle shard reads its outbox without being woken;
# until a new publisher is started after an error; for the rest of the outbox to be published after SIGTERM.
_HEARTBEAT_EVERY = 0.5
_IDLE = 0.5
_RESTART_AFTER = 0.5
_DRAIN_SECONDS = 3.0
# Seconds from one deletion of published rows to the next.
_TRIM_EVERY = 5.0
# Seconds for the database to answer, and for a publisher to be discarded.
_PATIENCE = 3.0
# Key of the database's fault among the faults of shards, which are numbered from 0.
_DATABASE = -1


class Relay:
    """Publishes the shards leased to this process."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        settings: Settings,
        leases: ShardLeases,
        *,
        metrics: Metrics,
        health: Health,
        clock: Clock,
    ) -> None:
        self._connect = connect
        self._settings = settings
        self._leases = leases
        self._metrics = metrics
        self._sizes = MessageSizes(metrics)
        self._health = health
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._wake_events: dict[int, asyncio.Event] = {}
        self._faults: dict[int, str] = {}
        self._transactions: dict[int, TransactionSize] = {}
        self._admission = Admission(settings, connect, clock)
        self._repeated = RepeatedLines(clock.monotonic)
        self._stopping = asyncio.Event()

    def wake(self) -> None:
        """Read the outbox now: a batch was committed."""
        for woken in self._wake_events.values():
            woken.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Publish until `stopping` is set; then drain the outbox for at most three seconds."""
        self._health.expect("relay", within=30)
        log.info("relay started", mode=self._settings.relay)
        with ConnectionKeeper(self._connect) as database:
            try:
                while not stopping.is_set():
                    await self._tick(database)
                    self._report()
                    await event_within(stopping, _HEARTBEAT_EVERY)
                self._stopping.set()
                self.wake()
                if self._tasks:
                    drained, _ = await asyncio.wait(self._tasks.values(), timeout=_DRAIN_SECONDS)
                    for task in drained:
                        task.result()  # raises a defect
            finally:
                await self._stop_all(database.held)

    # Leases ------------------------------------------------------------------------------------------------

    async def _tick(self, database: ConnectionKeeper) -> None:
        """Renew the leases, and run one task for each shard held."""
        try:
            if not self._admission.granted:
                await self._admission.ask()
            async with asyncio.timeout(_PATIENCE):
                await self._renew(await database.get())
        except Exception as error:
            if retry_reason(error) is None:
                raise
            self._faults[_DATABASE] = f"database: {reason_of(error)}"[:200]
            database.drop()
        else:
            self._faults.pop(_DATABASE, None)
        held = self._leases.held()
        for shard in [shard for shard in self._tasks if shard not in held]:
            log.warning("shard no longer leased", shard=shard)
            await self._stop_shard(shard)
        for shard in held - self._tasks.keys():
            self._wake_events[shard] = asyncio.Event()
            self._tasks[shard] = asyncio.create_task(self._run_shard(shard), name=f"relay-{shard}")
        for task in self._tasks.values():
            if task.done():
                task.result()  # raises: before the drain a shard's task ends by a defect only

    async def _renew(self, connection: Connection) -> None:
        # Without another relay it keeps its shards: those that it can publish go on.
        if self._admission.is_lost() and self._leases.other_relays_alive:
            self._admission.withdraw()
            await self._leases.leave(connection)
        if self._admission.granted:
            await self._leases.tick(connection)
        for shard in self._leases.surplus():
            await self._stop_shard(shard)
            await self._leases.release(connection, shard)

    async def _stop_shard(self, shard: int) -> None:
        self._faults.pop(shard, None)
        self._admission.released(shard)
        if task := self._tasks.pop(shard, None):
            task.cancel()
            await asyncio.wait([task], timeout=_PATIENCE)

    async def _stop_all(self, connection: Connection | None) -> None:
        for shard in list(self._tasks):
            await self._stop_shard(shard)
        if connection is not None:
            try:
                async with asyncio.timeout(_HEARTBEAT_EVERY):
                    await self._leases.leave(connection)
            except Exception as error:
                if retry_reason(error) is None:
                    raise

    def _report(self) -> None:
        faults = [
            f"shard {shard}: {why}" if shard != _DATABASE else why
            for shard, why in sorted(self._faults.items())
        ]
        if self._admission.why_not:
            faults.insert(0, self._admission.why_not)
        self._health.report("relay", ok=not faults, why="; ".join(faults))

    # One shard ---------------------------------------------------------------------------------------------

    async def _run_shard(self, number: int) -> None:
        """Publish one shard, with a new publisher after each error, until cancelled or drained after `stopping`."""
        with ConnectionKeeper(self._connect) as database:
            while True:
                await self._publish_until_error(number, database)
                if self._stopping.is_set():
                    return
                await asyncio.sleep(_RESTART_AFTER)

    async def _publish_until_error(self, number: int, database: ConnectionKeeper) -> None:
        """Publish with one publisher until its first error; drop the connection if the error is the database's."""
        size = self._transactions.setdefault(number, TransactionSize())
        shard = ShardPublisher(number, self._make_publisher(number), size)
        try:
            connection = await database.get()
            if await self._leases.confirm(connection, number):
                await shard.start(connection)
                await self._publish_outbox(shard, connection)
        except (DeliveryInDoubtError, NewIncarnationError, TopicsMissingError) as error:
            self._record_failure(number, "kafka", error)
        except NewerFactsError as error:
            self._record_failure(number, "outbox", error)
            self._admission.outdated(number)
        except Exception as error:
            if retry_reason(error) is None:
                raise
            self._record_failure(number, "database", error)
            database.drop()
        finally:
            await shard.discard()

    async def _publish_outbox(self, shard: ShardPublisher, connection: Connection) -> None:
        """Publish until stopping with nothing left to publish; raises the first error."""
        woken, loop, trimmed_at = self._wake_events[shard.number], asyncio.get_running_loop(), float("-inf")
        while True:
            woken.clear()
            if loop.time() >= trimmed_at + _TRIM_EVERY:
                trimmed_at = loop.time()
                await shard.trim(connection)
            published = await shard.publish_due(connection, self._metrics.publish_seconds.observe)
            self._faults.pop(shard.number, None)
            self._admission.worked(shard.number, published=published > 0)
            if published:
                self._metrics.relay_transactions.labels("committed").inc()
            elif self._stopping.is_set():
                return
            else:
                await event_within(woken, _IDLE)

    def _make_publisher(self, shard: int) -> KafkaPublisher:
        if self._settings.relay == "plain":
            return PlainPublisher(self._settings, sizes=self._sizes)
        return TransactionalPublisher(self._settings, shard, sizes=self._sizes)

    def _record_failure(self, shard: int, what: str, error: BaseException) -> None:
        """Count and log an error; the next publisher finds out what has arrived."""
        self._metrics.relay_transactions.labels("aborted").inc()
        reason = reason_of(error)
        self._faults[shard] = f"{what}: {reason}"[:200]
        self._admission.failed(shard, self._faults[shard])
        self._repeated.warn(log, "publisher restarted", shard=shard, because=what, error=reason[:300])
