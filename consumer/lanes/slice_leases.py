"""Leases slices to the pipelines of this worker: rows in Postgres, renewed by a heartbeat on its own connection.

Each heartbeat renews the leases, reads which workers are alive, and carries out this worker's part of the plan
(fair_shares.py): it claims slices that are free or whose holder is dead, and marks slices beyond its share as
surplus, which its pipelines release between two batches. A pipeline that has not shown yet that it can work, or has
failed to for long, has no share: its slices are released from here, since it may be in the middle of a batch.

Leases only divide the work. That a lane moves under one holder only is ensured by the fence of a batch: a mistake
here costs time, not correctness.
"""

from __future__ import annotations

import asyncio
import os
import socket
from typing import TYPE_CHECKING

import structlog

from consumer.infra.postgres.connection_keeper import ConnectionKeeper
from consumer.infra.postgres.errors import retry_reason
from consumer.infra.postgres.lease_times import LATE, LEASE, MARGIN
from consumer.infra.wait import event_within
from consumer.lanes.fair_shares import PipelineId, Slice, assign
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    import asyncpg

    from consumer.infra.clock import Clock
    from consumer.infra.fitness import Fitness
    from consumer.infra.postgres.connection import Connection
    from consumer.infra.telemetry.health import Health
    from consumer.infra.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

_SQL = queries("slice_leases")

# Seconds from one heartbeat to the next, and for the database to answer one.
_HEARTBEAT_EVERY = 0.5
_PATIENCE = 2.0
# After an error of the database this worker claims no slices of dead workers for so many seconds: the others may
# have been cut off too, and need time to renew.
_GRACE_AFTER_ERROR = 2.0
# Seconds for which other workers get a slice first that this worker could not read.
_AVOID_SECONDS = 60.0
# Seconds for all pipelines to report whether they can read, before the first slices are claimed.
_START_SECONDS = 3.0


class SliceLeases:
    """The slices of one process, by pipeline. other_workers_alive: as of the last heartbeat."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        *,
        pipelines: int,
        metrics: Metrics,
        health: Health,
        clock: Clock,
        fitness: Fitness,
    ) -> None:
        self._database = ConnectionKeeper(connect)
        self._metrics = metrics
        self._health = health
        self._clock = clock
        self._fitness = fitness
        self._pipelines = pipelines
        self._in_use = asyncio.Lock()
        self._woken = asyncio.Event()
        self._worker: int | None = None
        self._valid_until = 0.0
        self._failed_at = float("-inf")
        self._can_read: dict[int, bool] = {}
        self._leaving = False
        self._held: dict[int, dict[int, int]] = {}
        self._surplus: dict[int, set[int]] = {}
        self.other_workers_alive = False

    # For pipelines -----------------------------------------------------------------------------------------

    def held(self, pipeline: int) -> dict[int, int]:
        """Return the slices of a pipeline with the epochs of their leases; none if the leases may have run out."""
        if self._clock.monotonic() >= self._valid_until:
            return {}
        return dict(self._held.get(pipeline, {}))

    def surplus(self, pipeline: int) -> set[int]:
        """Return the slices that a pipeline should release."""
        return set(self._surplus.get(pipeline, ()))

    @property
    def worker(self) -> int:
        """The id of this worker's row; 0 before it is registered."""
        return self._worker or 0

    def set_can_read(self, pipeline: int, can_read: bool) -> None:
        """Report whether a pipeline can read. If not, it gets no slices and should release those that it holds."""
        if self._can_read.get(pipeline) != can_read:
            self._can_read[pipeline] = can_read
            self._woken.set()

    def wake(self) -> None:
        """Do the next heartbeat now: there are new slices."""
        self._woken.set()

    async def release(self, pipeline: int, numbers: Iterable[int], *, unreadable: bool = False) -> None:
        """Release slices. unreadable: other workers get them first for a while.

        If the database does not answer they become free when the lease runs out. Raises no transient error.
        """
        numbers = sorted(numbers)
        for number in numbers:
            self._held.get(pipeline, {}).pop(number, None)
            self._surplus.get(pipeline, set()).discard(number)
        if not numbers or self._worker is None:
            return
        async with self._in_use:
            await self._try(self._release(numbers, _AVOID_SECONDS if unreadable else 0.0))

    # The heartbeat -----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Renew and claim until cancelled."""
        self._health.expect("leases", within=3 * LEASE)
        began = self._clock.monotonic()
        while len(self._can_read) < self._pipelines and self._clock.monotonic() - began < _START_SECONDS:
            await self._pause()
        while True:
            async with self._in_use:
                await self._try(self._tick())
            await self._pause()

    async def leave(self) -> None:
        """Release everything and deregister, so that others need not wait; call it when all pipelines ended."""
        self._leaving = True
        self._held.clear()
        async with self._in_use:
            if self._worker is not None:
                await self._try(self._leave())

    def close(self) -> None:
        """Close the connection, in whatever state."""
        self._database.drop()

    def stop_claiming(self) -> None:
        """Claim nothing from now on, and give up this worker's share in the next heartbeat."""
        self._leaving = True
        self._woken.set()

    async def _pause(self) -> None:
        await event_within(self._woken, _HEARTBEAT_EVERY)
        self._woken.clear()

    async def _try(self, work: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                await work
        except Exception as error:
            if retry_reason(error) is None:
                raise
            self._failed_at = self._clock.monotonic()
            self._health.report("leases", ok=False, why=f"database: {error!r}"[:200])
            self._database.drop()
        except asyncio.CancelledError:
            # The connection may be in the middle of a statement.
            self._database.drop()
            raise

    async def _tick(self) -> None:
        connection = await self._database.get()
        # Taken before the statement is sent: the database counts the lease from a later moment.
        began = self._clock.monotonic()
        await self._renew(connection)
        slices = await connection.fetch(_SQL["slices"])
        workers = await connection.fetch(_SQL["workers"], LEASE - LATE)
        self._adopt_rows(slices)
        await self._release_unfit()
        self._valid_until = began + LEASE - MARGIN
        await self._apply_plan(connection, slices, workers)
        self._health.report("leases", ok=True)

    async def _renew(self, connection: Connection) -> None:
        able = [number for number, reads in self._can_read.items() if reads and self._may_hold(number)]
        pipelines = [] if self._leaving else sorted(able)
        if self._worker is not None:
            self._worker = await connection.fetchval(_SQL["renew"], self._worker, pipelines, LEASE)
        if self._worker is None:
            self._worker = await connection.fetchval(_SQL["register"], _name(), pipelines, LEASE)
            log.info("worker registered", worker=self._worker)

    def _may_hold(self, pipeline: int) -> bool:
        # What failed while the heartbeat failed too says nothing about this worker.
        return self._fitness.may_hold(pipeline, since=self._failed_at)

    async def _release_unfit(self) -> None:
        """Release the slices of pipelines that fail; the fence of a batch ends one that is in flight."""
        for pipeline, theirs in self._held.items():
            if theirs and self._fitness.failing(pipeline, since=self._failed_at):
                log.error("slices released, since their pipeline cannot work", pipeline=pipeline)
                await self._release(sorted(theirs), _AVOID_SECONDS)
                theirs.clear()

    def _adopt_rows(self, slices: list[asyncpg.Record]) -> None:
        """Replace `_held` by what the rows say."""
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
        candidates = [PipelineId(row["id"], number) for row in workers for number in row["pipelines"]]
        slices = [
            Slice(
                row["number"],
                PipelineId(row["worker_id"], row["pipeline"]) if row["worker_id"] in alive else None,
                row["avoided_by"],
            )
            for row in rows
        ]
        plan = assign(slices, candidates)
        self._surplus = {
            pipeline: {number for number in theirs if plan.get(number) != PipelineId(self.worker, pipeline)}
            for pipeline, theirs in self._held.items()
        }
        if self._leaving:
            return
        only_free = self._clock.monotonic() - self._failed_at < _GRACE_AFTER_ERROR
        claimable = [
            row
            for row, one in zip(rows, slices, strict=True)
            if one.holder is None
            and (row["worker_id"] is None or not only_free)
            and (wanted := plan.get(one.number)) is not None
            and wanted.worker == self._worker
        ]
        if claimable:
            await self._claim(connection, claimable, plan)

    async def _claim(
        self, connection: Connection, claimable: list[asyncpg.Record], plan: dict[int, PipelineId]
    ) -> None:
        claimed = await connection.fetch(
            _SQL["claim"],
            self._worker,
            [row["number"] for row in claimable],
            [row["epoch"] for row in claimable],
            [plan[row["number"]].pipeline for row in claimable],
        )
        for row in claimed:
            self._held.setdefault(row["pipeline"], {})[row["number"]] = row["epoch"]
        # The first claim of a slice ever (epoch 1) moves nothing.
        if any(row["epoch"] > 1 for row in claimed):
            self._metrics.rebalances.inc()
        if claimed:
            log.info("slices claimed", slices=sorted(row["number"] for row in claimed))

    # Statements --------------------------------------------------------------------------------------------

    async def _release(self, numbers: list[int], avoid_for: float) -> None:
        connection = await self._database.get()
        await connection.execute(_SQL["release"], self._worker, numbers, avoid_for)
        log.info("slices released", slices=numbers, unreadable=avoid_for > 0)

    async def _leave(self) -> None:
        connection = await self._database.get()
        await connection.execute(_SQL["leave"], self._worker)


async def holders(connection: Connection) -> dict[int, str]:
    """Return the holder of each slice as 'host:process/pipeline'; slices without a living holder are left out."""
    workers = await connection.fetch(_SQL["workers"], LEASE - LATE)
    names = {row["id"]: row["name"] for row in workers}
    return {
        row["number"]: f"{names[row['worker_id']]}/{row['pipeline']}"
        for row in await connection.fetch(_SQL["slices"])
        if row["worker_id"] in names
    }


def _name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"
