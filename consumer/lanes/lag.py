"""Measures the lag of every lane of the installation, sets the gauges of lanes and outbox, and registers new lanes.

Every worker measures all lanes, not only those that it holds.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import structlog
from aiokafka.errors import KafkaError

from consumer.infra.postgres.connection_keeper import ConnectionKeeper
from consumer.infra.postgres.errors import retry_reason
from consumer.lanes import positions, slice_leases
from schemas.vocabulary import LaneStop
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from consumer.infra.clock import Clock
    from consumer.infra.postgres.connection import Connection
    from consumer.infra.settings import Settings
    from consumer.infra.telemetry.health import Health
    from consumer.infra.telemetry.metrics import Metrics
    from consumer.lanes.log_watcher import LogWatcher
    from consumer.lanes.open_transactions import OpenTransaction
    from consumer.lanes.pending_records import PendingRecords
    from consumer.lanes.positions import Lane, LaneKey

log = structlog.get_logger(__name__)

_BACKLOG = queries("relay")["backlog"]
_CREATE_SLICES = queries("slice_leases")["create_slices"]

# Seconds from one measurement's start to the next, so that lag is 0 within a second of catching up; and the least
# pause between two.
_EVERY = 0.7
_REST = 0.1
# Seconds for the database to answer; then the cached rows are used.
_PATIENCE = 1.5
# A moving lane with more records than this waiting: the last record processed gives the age of the next one. For
# all other lanes the next record itself is read.
_MANY = 50
# Seconds for which cached rows are used while the database does not answer, for the lanes that this worker held:
# their records wait meanwhile, and no other process can report them.
_CACHED_FOR = 120.0


class LagMonitor:
    """Measures about once a second.

    As last measured, lags: by lane, records, and seconds or None if not known; outbox_messages: not published yet,
    None if not known.
    """

    def __init__(
        self,
        settings: Settings,
        log_watcher: LogWatcher,
        *,
        connect: Callable[[], Awaitable[Connection]],
        held_lanes: Callable[[], set[LaneKey]],
        metrics: Metrics,
        health: Health,
        clock: Clock,
        registers_lanes: bool,
        on_new_lanes: Callable[[], None],
    ) -> None:
        """held_lanes: returns the lanes that this worker reads. registers_lanes: whether to insert new lanes.

        on_new_lanes: called after rows were inserted.
        """
        self._settings = settings
        self._log_watcher = log_watcher
        self._database = ConnectionKeeper(connect)
        self._held_lanes = held_lanes
        self._metrics = metrics
        self._health = health
        self._clock = clock
        self._registers_lanes = registers_lanes
        self._on_new_lanes = on_new_lanes
        self.lags: Mapping[LaneKey, tuple[int, float | None]] = {}
        self.outbox_messages: int | None = None
        self._registered: frozenset[LaneKey] = frozenset()
        self._rows: list[Lane] = []
        self._read_at = float("-inf")
        self._cached_keys: set[LaneKey] = set()
        self._last_offsets: dict[LaneKey, int] = {}
        self._pending: dict[LaneKey, tuple[int, PendingRecords]] = {}
        # Of the first record that an open transaction holds back, by its offset.
        self._held_back: dict[LaneKey, tuple[int, int | None]] = {}

    async def run(self) -> None:
        """Measure until cancelled."""
        if self._registers_lanes:
            self._health.expect("lanes")
        try:
            while True:
                began = self._clock.monotonic()
                await self.measure_once()
                await asyncio.sleep(max(_REST, began + _EVERY - self._clock.monotonic()))
        finally:
            await self.stop()

    async def stop(self) -> None:
        """Disconnect."""
        self._database.drop()
        await self._log_watcher.stop()

    async def measure_once(self) -> None:
        """Measure once; a lane that cannot be measured has no gauge."""
        try:
            await self._log_watcher.refresh()
        except (KafkaError, OSError, TimeoutError) as error:
            log.info("offsets of logs not read", error=repr(error)[:200])
            await self._log_watcher.stop()
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._read()
        except Exception as error:
            if retry_reason(error) is None:
                raise
            self._database.drop()
            self._fall_back_to_cached_rows()
        try:
            await self._measure()
        except (KafkaError, OSError, TimeoutError) as error:
            log.info("lag not measured", error=repr(error)[:200])
            await self._log_watcher.stop()
            self._export({})

    # From the database -------------------------------------------------------------------------------------

    async def _read(self) -> None:
        """Register new lanes, read the rows of all lanes, and set the gauges that come from the database."""
        connection = await self._database.get()
        if self._registers_lanes:
            await self._register_new_lanes(connection)
        self._rows = [
            lane for lane in await positions.read_all(connection) if lane.topic in self._settings.topics
        ]
        holders = await slice_leases.holders(connection)
        self._read_at = self._clock.monotonic()
        self._cached_keys = self._held_lanes()
        existing = [lane for lane in self._rows if lane.key in self._log_watcher.lanes]
        self._metrics.lanes_unowned.set(sum(lane.partition not in holders for lane in existing))
        stopped = Counter(lane.stopped for lane in self._rows)
        for reason in LaneStop:
            self._metrics.lane_stopped.labels(reason.value).set(stopped[reason.value])
        backlog = await connection.fetchrow(_BACKLOG)
        if backlog is not None:
            self.outbox_messages = backlog["messages"]
            self._metrics.outbox_messages.set(backlog["messages"])
            self._metrics.outbox_oldest_seconds.set(backlog["oldest_seconds"])

    async def _register_new_lanes(self, connection: Connection) -> None:
        logs = self._log_watcher
        new = logs.lanes - self._registered
        if new and all(key in logs.end_offsets and key in logs.first_offsets for key in new):
            bounds = {key: (logs.first_offsets[key], logs.end_offsets[key]) for key in new}
            await positions.register_new_lanes(connection, bounds, latest=self._settings.start == "latest")
            await connection.execute(_CREATE_SLICES)
            self._registered = logs.lanes
            self._on_new_lanes()
        if logs.lanes or logs.missing_topics:
            faults = [f"topic {topic} is missing" for topic in logs.missing_topics]
            self._health.report("lanes", ok=not faults, why="; ".join(faults))

    def _fall_back_to_cached_rows(self) -> None:
        if self._clock.monotonic() - self._read_at > _CACHED_FOR:
            self._rows = []
        self.outbox_messages = None
        # Also the lanes that were taken since the database last answered.
        self._cached_keys |= self._held_lanes()
        self._rows = [lane for lane in self._rows if lane.key in self._cached_keys]

    # Against the logs --------------------------------------------------------------------------------------

    async def _measure(self) -> None:
        ends = self._log_watcher.end_offsets
        lagging = {lane.key: lane for lane in self._rows if ends.get(lane.key, 0) > lane.next_offset}
        await self._peek_pending(lagging)
        lags: dict[LaneKey, tuple[int, float | None]] = {}
        for lane in self._rows:
            if lane.key in lagging:
                lags[lane.key] = self._lag_of(lane, ends[lane.key])
            elif lane.key in ends:
                lags[lane.key] = (0, 0.0)
        await self._add_held_back(lags)
        self._last_offsets = {lane.key: lane.next_offset for lane in self._rows}
        self._export(lags)

    async def _add_held_back(self, lags: dict[LaneKey, tuple[int, float | None]]) -> None:
        """Add what open transactions hold back to the lags of lanes."""
        held_back = {key: held for key in lags if (held := self._log_watcher.open_transactions.get(key))}
        self._held_back = {
            key: known
            for key, known in self._held_back.items()
            if key in held_back and held_back[key].begin == known[0]
        }
        unknown = {key: held.begin for key, held in held_back.items() if key not in self._held_back}
        for key, pending in (await self._log_watcher.peek_held_back(unknown)).items():
            self._held_back[key] = unknown[key], pending.timestamp
        for key, held in held_back.items():
            records, seconds = lags[key]
            lags[key] = records + held.offsets, seconds if records else self._age_held_back(key, held)

    def _age_held_back(self, key: LaneKey, held: OpenTransaction) -> float:
        _, timestamp = self._held_back.get(key, (0, None))
        return max(held.seconds, self._age(timestamp) or 0.0)

    async def _peek_pending(self, lagging: Mapping[LaneKey, Lane]) -> None:
        """Read the next record of each lane whose lag cannot be computed otherwise and is not known yet."""
        ends, first = self._log_watcher.end_offsets, self._log_watcher.first_offsets
        starts = {key: max(lane.next_offset, first.get(key, 0)) for key, lane in lagging.items()}
        self._pending = {
            key: (start, pending)
            for key, (start, pending) in self._pending.items()
            if starts.get(key) == start and (pending.records or pending.end >= ends[key])
        }
        # A backlog too long for one fetch is not counted again each time that it grows.
        counted = {
            key
            for key, (_, pending) in self._pending.items()
            if pending.end >= ends[key] or not pending.whole
        }
        wanted = {
            key: starts[key]
            for key, lane in lagging.items()
            if key not in counted
            and (
                self._last_offsets.get(key) == lane.next_offset
                or ends[key] - lane.next_offset <= _MANY
                or lane.last_timestamp is None
            )
        }
        for key, pending in (await self._log_watcher.peek(wanted)).items():
            self._pending[key] = starts[key], pending

    def _lag_of(self, lane: Lane, end: int) -> tuple[int, float | None]:
        """Return the lag of a lane up to its last stable offset: (records, seconds, None if unknown)."""
        known = self._pending.get(lane.key)
        if known is None:
            return end - lane.next_offset, self._age(lane.last_timestamp)
        pending = known[1]
        records = pending.lag(lane.next_offset, self._log_watcher.first_offsets.get(lane.key, 0), end)
        if not pending.records:
            return (records, self._age(lane.last_timestamp)) if records else (0, 0.0)
        return records, self._age(pending.timestamp)

    def _age(self, timestamp: int | None) -> float | None:
        if timestamp is None:
            return None
        return max(0.0, self._clock.now().timestamp() - timestamp / 1000)

    def _export(self, lags: Mapping[LaneKey, tuple[int, float | None]]) -> None:
        self.lags = lags
        metrics = self._metrics
        # Cleared first: a lane that can no longer be measured must not keep its last good value.
        metrics.lane_lag_records.clear()
        metrics.lane_lag_seconds.clear()
        metrics.lane_open_transaction_seconds.clear()
        for (topic, partition), (records, seconds) in lags.items():
            metrics.lane_lag_records.labels(topic, str(partition)).set(records)
            held = self._log_watcher.open_transactions.get((topic, partition))
            metrics.lane_open_transaction_seconds.labels(topic, str(partition)).set(
                held.seconds if held else 0
            )
            if seconds is not None:
                metrics.lane_lag_seconds.labels(topic, str(partition)).set(seconds)
