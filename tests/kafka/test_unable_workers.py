"""A worker that cannot work gets out of the way of those that can, although its heartbeat lives."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from consumer.worker.app import Worker
from tests.kafka.limited_role import limited_role
from tests.kafka.six_slices import SLICES, applied_events, one_each, until_applied
from tests.kafka.worker_in_process import working
from tests.waiting import eventually

if TYPE_CHECKING:
    import asyncpg

    from tests.kafka.installation import Installation

pytestmark = pytest.mark.real_kafka


async def _held(observer: asyncpg.Connection[asyncpg.Record], worker: int) -> int:
    held: int = await observer.fetchval("select count(*) from slices where worker_id = $1", worker)
    return held


async def test_a_worker_without_connections_releases_its_slices(
    installation: Installation, observer: asyncpg.Connection[asyncpg.Record]
) -> None:
    """One with a heartbeat but no other connection leaves its slices to another worker until it gets one."""
    async with limited_role(installation.dsn) as role, working(replace(installation, dsn=role.dsn)) as unable:
        await one_each(installation, 0)
        await until_applied(observer, SLICES)
        [(number, heartbeat)] = await observer.fetch("select id, backend from workers")
        async with working(installation) as able:
            await eventually(
                lambda: len(able.worker.lanes) == len(unable.worker.lanes), within=15, what="shares"
            )
            await role.refuse(but=heartbeat)
            await one_each(installation, SLICES)
            await until_applied(observer, 2 * SLICES)
            assert await _held(observer, number) == 0
            assert "too many connections" in str(unable.fault("database"))
            alive = "select backend from workers where id = $1 and expires_at > clock_timestamp()"
            assert await observer.fetchval(alive, number) == heartbeat, "its heartbeat has gone on"
            await role.admit()

            async def shared() -> bool:
                return await _held(observer, number) == SLICES // 2

            await eventually(shared, within=90, what="its share back")
        await one_each(installation, 2 * SLICES)
        await until_applied(observer, 3 * SLICES)


async def test_a_worker_that_never_heard_from_kafka_claims_nothing(
    installation: Installation, observer: asyncpg.Connection[asyncpg.Record]
) -> None:
    """One with a wrong bootstrap takes no slice from a healthy worker, and says what it cannot reach."""
    async with working(installation) as able:
        await eventually(lambda: len(able.worker.lanes) >= SLICES, within=15, what="it to have all slices")
        before = await observer.fetch("select number, epoch, worker_id from slices order by number")
        wrong = Worker(installation.settings(kafka_bootstrap="127.0.0.1:1"))
        task = asyncio.create_task(wrong.run())
        try:
            beats = "select count(*) from workers where id <> $1 and expires_at > clock_timestamp()"
            holder = before[0]["worker_id"]

            async def registered() -> bool:
                return bool(await observer.fetchval(beats, holder) == 1)

            def fault() -> str:
                return str(wrong.health.states().get("ingest", {}).get("why"))

            await eventually(registered, within=15, what="its heartbeat")
            await eventually(lambda: fault().startswith("kafka"), within=15, what="it to say what is wrong")
            first = await observer.fetchval("select max(expires_at) from workers where id <> $1", holder)

            async def several_heartbeats() -> bool:
                after = await observer.fetchval("select max(expires_at) from workers where id <> $1", holder)
                return bool((after - first).total_seconds() > 3)

            await eventually(several_heartbeats, within=20, what="it to have had the occasion")
            assert (
                await observer.fetch("select number, epoch, worker_id from slices order by number") == before
            )
            await one_each(installation, 0)
            await until_applied(observer, SLICES)
            assert await applied_events(observer) == SLICES
        finally:
            wrong.stopping.set()
            task.cancel()
            await asyncio.wait([task])
