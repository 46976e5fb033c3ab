"""Carries messages from the outbox to Kafka, shard by shard, in position order; a task beside the ingest.

Owns which shards this process publishes and what follows a doubt: the publisher is discarded, and a new one begins
where Kafka says. Never makes a message, and never publishes by itself.

Transactional: a `read_committed` reader finds every message exactly once. Plain, for brokers that know no
transactions (the embedded one): at least once, repeats being recognisable by their ids, which are deterministic.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from consumer.infra.kafka.client import TopicsMissingError
from consumer.infra.postgres.connection_keeper import ConnectionKeeper
from consumer.infra.postgres.errors import retry_reason
from consumer.infra.wait import event_within
from consumer.relay.kafka_publisher import DeliveryInDoubtError, PlainPublisher
from consumer.relay.shard_publisher import NewIncarnationError, ShardPublisher
from consumer.relay.transactional_publisher import TransactionalPublisher

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from consumer.infra.clock import Clock
    from consumer.infra.postgres.connection import Connection
    from consumer.infra.settings import Settings
    from consumer.infra.telemetry.health import Health
    from consumer.infra.telemetry.metrics import Metrics
    from consumer.relay.kafka_publisher import KafkaPublisher
    from consumer.relay.shard_leases import ShardLeases

log = structlog.get_logger(__name__)

# Seconds: from heartbeat to heartbeat of the leases; until an idle shard looks at its outbox by itself; after a
# doubt; and for what the outbox still holds to go out after SIGTERM.
_TICK = 0.5
_IDLE = 0.5
_AFTER_DOUBT = 0.5
_FAREWELL = 3.0
# Seconds for the database to answer, and for a publisher to be discarded.
_PATIENCE = 3.0


class Relay:
    """Publishes the shards leased to this process until told to stop."""

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
        self._health = health
        self._clock = clock
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._wake_events: dict[int, asyncio.Event] = {}
        self._faults: dict[int, str] = {}
        self._stopping = asyncio.Event()

    def wake(self) -> None:
        """Look at the outbox now: a batch was committed."""
        for woken in self._wake_events.values():
            woken.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Publish whatever the outbox holds, until `stopping` is set and what it holds went out, if it can."""
        self._health.expect("relay", within=30)
        log.info("relay runs", mode=self._settings.relay)
        with ConnectionKeeper(self._connect) as database:
            try:
                while not stopping.is_set():
                    await self._tick(database)
                    self._report()
                    await event_within(stopping, _TICK)
                self._stopping.set()
                self.wake()
                if self._tasks:
                    await asyncio.wait(self._tasks.values(), timeout=_FAREWELL)
            finally:
                await self._stop_all(database.held)

    # Leases ------------------------------------------------------------------------------------------------

    async def _tick(self, database: ConnectionKeeper) -> None:
        """Renew the leases, and let a task run for each shard that is held."""
        try:
            async with asyncio.timeout(_PATIENCE):
                connection = await database.get()
                await self._leases.tick(connection)
                for shard in self._leases.surplus():
                    await self._stop_shard(shard)
                    await self._leases.release(connection, shard)
        except Exception as error:
            if retry_reason(error) is None:
                raise
            self._faults[-1] = f"database: {error!r}"[:200]
            database.drop()
        else:
            self._faults.pop(-1, None)
        held = self._leases.held()
        for shard in [shard for shard in self._tasks if shard not in held]:
            log.warning("shard lost to another relay", shard=shard)
            await self._stop_shard(shard)
        for shard in held - self._tasks.keys():
            self._wake_events[shard] = asyncio.Event()
            self._tasks[shard] = asyncio.create_task(self._run_shard(shard), name=f"relay-{shard}")
        for task in self._tasks.values():
            if task.done() and not self._stopping.is_set():
                task.result()  # crash loudly: it never ends by itself

    async def _stop_shard(self, shard: int) -> None:
        self._faults.pop(shard, None)
        if task := self._tasks.pop(shard, None):
            task.cancel()
            await asyncio.wait([task], timeout=_PATIENCE)

    async def _stop_all(self, connection: Connection | None) -> None:
        for shard in list(self._tasks):
            await self._stop_shard(shard)
        if connection is not None:
            try:
                async with asyncio.timeout(_TICK):
                    await self._leases.leave(connection)
            except Exception as error:
                if retry_reason(error) is None:
                    raise

    def _report(self) -> None:
        faults = [
            f"shard {shard}: {why}" if shard >= 0 else why for shard, why in sorted(self._faults.items())
        ]
        self._health.report("relay", ok=not faults, why="; ".join(faults))

    # One shard ---------------------------------------------------------------------------------------------

    async def _run_shard(self, number: int) -> None:
        """Publish one shard, with a new publisher after each doubt, until cancelled or everything went out."""
        with ConnectionKeeper(self._connect) as database:
            while True:
                await self._publish_until_in_doubt(number, database)
                if self._stopping.is_set():
                    return
                await asyncio.sleep(_AFTER_DOUBT)

    async def _publish_until_in_doubt(self, number: int, database: ConnectionKeeper) -> None:
        """Publish with one publisher to its first doubt; gives the connection up where that is in doubt too."""
        shard = ShardPublisher(number, self._make_publisher(number))
        try:
            connection = await database.get()
            if await self._leases.confirm(connection, number):
                await shard.start(connection)
                await self._publish_outbox(shard, connection)
        except (DeliveryInDoubtError, NewIncarnationError, TopicsMissingError) as error:
            self._record_failure(number, "kafka", error)
        except Exception as error:
            if retry_reason(error) is None:
                raise
            self._record_failure(number, "database", error)
            database.drop()
        finally:
            await shard.discard()

    async def _publish_outbox(self, shard: ShardPublisher, connection: Connection) -> None:
        """Publish what comes until told to stop and nothing is left; raises at the first doubt."""
        woken = self._wake_events[shard.number]
        while True:
            woken.clear()
            published = await shard.publish_due(connection, self._observe_latency)
            self._faults.pop(shard.number, None)
            if published:
                self._metrics.relay_transactions.labels("committed").inc()
            elif self._stopping.is_set():
                return
            else:
                await event_within(woken, _IDLE)

    def _make_publisher(self, shard: int) -> KafkaPublisher:
        if self._settings.relay == "plain":
            return PlainPublisher(self._settings)
        return TransactionalPublisher(self._settings, shard)

    def _observe_latency(self, committed_at: datetime) -> None:
        waited = (self._clock.now() - committed_at).total_seconds()
        self._metrics.publish_seconds.observe(max(0.0, waited))

    def _record_failure(self, shard: int, what: str, error: BaseException) -> None:
        """Say so; what is not known to have arrived is found out by the next publisher."""
        self._metrics.relay_transactions.labels("aborted").inc()
        self._faults[shard] = f"{what}: {error!r}"[:200]
        log.warning("relay begins anew", shard=shard, because=what, error=repr(error)[:300])
