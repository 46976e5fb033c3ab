"""Who holds which slices: leases in Postgres, renewed by a heartbeat over a connection of its own.

Owns the rows of `workers` and `slices`, and what this worker may believe of them. Never reads or moves a lane: that
a lane moves under one holder only is the fence's doing, so a mistake here costs time, not correctness.

Each tick renews, looks who is there, and carries out this worker's part of the plan (shares.py): it claims what is
free or whose holder is dead, and asks its pipelines for what is too much. They give it back between two batches.
"""

from __future__ import annotations

import asyncio
import os
import socket
from typing import TYPE_CHECKING

import structlog

from consumer.infra.postgres.connection_keeper import ConnectionKeeper
from consumer.infra.postgres.errors import retry_reason
from consumer.infra.wait import event_within
from consumer.lanes.fair_shares import PipelineId, Slice, assign
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    import asyncpg

    from consumer.infra.clock import Clock
    from consumer.infra.postgres.connection import Connection
    from consumer.infra.telemetry.health import Health
    from consumer.infra.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

_SQL = queries("leases")

# Seconds. A lease outlasts a dozen heartbeats, and a vanished worker is replaced well within ten seconds.
LEASE_SECONDS = 6.0
HEARTBEAT_EVERY = 0.5
# So long before the database lets another have its slices a worker stops by itself, by its own clock.
_MARGIN = 1.0
# A heartbeat later than this is believed only while its connection stands: a killed process has none.
_LATE = 1.2
# Who was away itself does not call others dead before they had this much time to come back too.
_MERCY = 2.0
# How long others go first where a worker could not read a slice.
AVOID_SECONDS = 60.0
_PATIENCE = 2.0
# For all pipelines to say whether they can read, before the first slices are dealt.
_BEGIN = 3.0


class SliceLeases:
    """The slices of one process, by pipeline.

    others: whether another worker was alive at the last tick. holders: who holds each slice, for people; a slice
    without a living holder is not in it.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        *,
        pipelines: int,
        metrics: Metrics,
        health: Health,
        clock: Clock,
    ) -> None:
        self._database = ConnectionKeeper(connect)
        self._metrics = metrics
        self._health = health
        self._clock = clock
        self._count = pipelines
        self._busy = asyncio.Lock()
        self._woken = asyncio.Event()
        self._worker: int | None = None
        self._valid_until = 0.0
        self._failed_at = float("-inf")
        self._can_read: dict[int, bool] = {}
        self._leaving = False
        self._held: dict[int, dict[int, int]] = {}
        self._surplus: dict[int, set[int]] = {}
        self.other_workers_alive = False

    # What pipelines ask ------------------------------------------------------------------------------------

    def held(self, pipeline: int) -> dict[int, int]:
        """Return the slices of a pipeline with the epochs of their leases; none once these may have run out."""
        if self._clock.monotonic() >= self._valid_until:
            return {}
        return dict(self._held.get(pipeline, {}))

    def surplus(self, pipeline: int) -> set[int]:
        """Return the slices that a pipeline should give back."""
        return set(self._surplus.get(pipeline, ()))

    @property
    def worker(self) -> int:
        """The number under which this worker is known to the others; 0 before it is."""
        return self._worker or 0

    def set_can_read(self, pipeline: int, can_read: bool) -> None:
        """Say whether a pipeline can read; one that cannot gets no slices, and should give back what it has."""
        if self._can_read.get(pipeline) != can_read:
            self._can_read[pipeline] = can_read
            self._woken.set()

    def wake(self) -> None:
        """Look now: there are new slices."""
        self._woken.set()

    async def release(self, pipeline: int, numbers: Iterable[int], *, unreadable: bool = False) -> None:
        """Give slices back; unreadable: let other workers go first for a while.

        Where the database does not answer they are free when the lease has run out. Raises no passing error.
        """
        numbers = sorted(numbers)
        for number in numbers:
            self._held.get(pipeline, {}).pop(number, None)
            self._surplus.get(pipeline, set()).discard(number)
        if not numbers or self._worker is None:
            return
        async with self._busy:
            await self._try(self._release(numbers, AVOID_SECONDS if unreadable else 0.0))

    # The heartbeat -----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Tick until cancelled."""
        self._health.expect("leases", within=3 * LEASE_SECONDS)
        began = self._clock.monotonic()
        while len(self._can_read) < self._count and self._clock.monotonic() - began < _BEGIN:
            await self._pause()
        while True:
            async with self._busy:
                await self._try(self._tick())
            await self._pause()

    async def leave(self) -> None:
        """Say goodbye: others need not wait for anything. Call it when no pipeline works any more."""
        self._leaving = True
        self._held.clear()
        async with self._busy:
            if self._worker is not None:
                await self._try(self._leave())

    def close(self) -> None:
        """Leave no connection open, whatever came before."""
        self._database.drop()

    def stop_claiming(self) -> None:
        """Claim nothing from now on, and let the others know."""
        self._leaving = True
        self._woken.set()

    async def _pause(self) -> None:
        await event_within(self._woken, HEARTBEAT_EVERY)
        self._woken.clear()

    async def _try(self, doing: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                await doing
        except Exception as error:
            if retry_reason(error) is None:
                raise
            self._failed_at = self._clock.monotonic()
            self._health.report("leases", ok=False, why=f"database: {error!r}"[:200])
            self._database.drop()
        except asyncio.CancelledError:
            # Nobody knows what the connection was in the midst of.
            self._database.drop()
            raise

    async def _tick(self) -> None:
        connection = await self._database.get()
        # From before it was sent: the database reckons from later.
        began = self._clock.monotonic()
        await self._renew(connection)
        slices = await connection.fetch(_SQL["slices"])
        workers = await connection.fetch(_SQL["workers"], LEASE_SECONDS - _LATE)
        self._adopt_rows(slices)
        self._valid_until = began + LEASE_SECONDS - _MARGIN
        await self._apply_plan(connection, slices, workers)
        self._health.report("leases", ok=True)

    async def _renew(self, connection: Connection) -> None:
        pipelines = [] if self._leaving else sorted(number for number, able in self._can_read.items() if able)
        if self._worker is not None:
            self._worker = await connection.fetchval(_SQL["renew"], self._worker, pipelines, LEASE_SECONDS)
        if self._worker is None:
            self._worker = await connection.fetchval(_SQL["register"], _name(), pipelines, LEASE_SECONDS)
            log.info("worker registered", worker=self._worker)

    def _adopt_rows(self, slices: list[asyncpg.Record]) -> None:
        """Take over what the rows say of this worker's slices."""
        before = {number for theirs in self._held.values() for number in theirs}
        held: dict[int, dict[int, int]] = {}
        for row in slices:
            if row["worker_id"] == self._worker:
                held.setdefault(row["pipeline"], {})[row["number"]] = row["epoch"]
        self._held = held
        if lost := before - {number for theirs in held.values() for number in theirs}:
            log.warning("slices taken over by another worker", slices=sorted(lost))

    async def _apply_plan(
        self, connection: Connection, rows: list[asyncpg.Record], workers: list[asyncpg.Record]
    ) -> None:
        alive = {row["id"] for row in workers}
        self.other_workers_alive = bool(alive - {self._worker})
        members = [PipelineId(row["id"], number) for row in workers for number in row["pipelines"]]
        slices = [
            Slice(
                row["number"],
                PipelineId(row["worker_id"], row["pipeline"]) if row["worker_id"] in alive else None,
                row["avoided_by"],
            )
            for row in rows
        ]
        plan = assign(slices, members)
        self._surplus = {
            pipeline: {number for number in theirs if plan.get(number) != PipelineId(self.worker, pipeline)}
            for pipeline, theirs in self._held.items()
        }
        if self._leaving:
            return
        hasty = self._clock.monotonic() - self._failed_at < _MERCY
        free = [
            row
            for row, one in zip(rows, slices, strict=True)
            if one.holder is None
            and (row["worker_id"] is None or not hasty)
            and (wanted := plan.get(one.number)) is not None
            and wanted.worker == self._worker
        ]
        if free:
            await self._claim(connection, free, plan)

    async def _claim(
        self, connection: Connection, free: list[asyncpg.Record], plan: dict[int, PipelineId]
    ) -> None:
        claimed = await connection.fetch(
            _SQL["claim"],
            self._worker,
            [row["number"] for row in free],
            [row["epoch"] for row in free],
            [plan[row["number"]].pipeline for row in free],
        )
        for row in claimed:
            self._held.setdefault(row["pipeline"], {})[row["number"]] = row["epoch"]
        # The first claim of all moves nothing.
        if any(row["epoch"] > 1 for row in claimed):
            self._metrics.rebalances.inc()
        if claimed:
            log.info("slices claimed", slices=sorted(row["number"] for row in claimed))

    # Over its connection -----------------------------------------------------------------------------------

    async def _release(self, numbers: list[int], shunned_for: float) -> None:
        connection = await self._database.get()
        await connection.execute(_SQL["release"], self._worker, numbers, shunned_for)
        log.info("slices given back", slices=numbers, unreadable=shunned_for > 0)

    async def _leave(self) -> None:
        connection = await self._database.get()
        await connection.execute(_SQL["leave"], self._worker)


async def holders(connection: Connection) -> dict[int, str]:
    """Return who holds each slice, as 'host:process/pipeline'; slices without a living holder are left out."""
    workers = await connection.fetch(_SQL["workers"], LEASE_SECONDS - _LATE)
    names = {row["id"]: row["name"] for row in workers}
    return {
        row["number"]: f"{names[row['worker_id']]}/{row['pipeline']}"
        for row in await connection.fetch(_SQL["slices"])
        if row["worker_id"] in names
    }


def _name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"
