"""Maintenance beside ingest: it removes what is past its window and nothing else; no event is applied twice."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg
import pytest

from consumer.infra import postgres
from consumer.infra.clock import SystemClock
from consumer.scoring.verify import verify
from consumer.worker import maintenance
from consumer.worker.maintenance import Maintenance, MaintenanceRound, months_ahead
from tests.builders.catalog_documents import document
from tests.builders.events import dated_event
from tests.pipeline import service
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from consumer.infra.clock import Clock
    from consumer.infra.postgres.connection import Connection

_WINDOW = timedelta(days=90)
_NOW = datetime.now(UTC).replace(microsecond=0)


class _December:
    """A clock at the end of a year."""

    def now(self) -> datetime:
        return datetime(2031, 12, 31, 23, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0


def _maintenance(dsn: str, clock: Clock | None = None, **seconds: float) -> Maintenance:
    return Maintenance(
        lambda: postgres.connect(dsn),
        claim_window=_WINDOW,
        clock=clock or SystemClock(),
        **({"every": 0.05, "retry": 0.05, "rest": 0.0} | seconds),
    )


@asynccontextmanager
async def _running(kept: Maintenance) -> AsyncIterator[None]:
    stopping = asyncio.Event()
    task = asyncio.create_task(kept.run(stopping))
    yield
    stopping.set()
    await task


async def _once(dsn: str, clock: Clock | None = None) -> MaintenanceRound | None:
    kept = _maintenance(dsn, clock)
    done = await kept.round(asyncio.Event())
    kept._database.drop()
    return done


async def _age(connection: Connection, number: int, age: timedelta) -> None:
    """Let an event have been applied so long ago."""
    await connection.execute(
        "update claims set applied_at = now() - $2::interval where event_key in"
        " (select event_key from timeline where event_id = $1)",
        str(number),
        age,
    )


async def test_claims_go_after_their_window_and_not_before(database: str, connection: Connection) -> None:
    """A claim applied a minute longer ago than the window goes, one a minute less stays; again, nothing goes."""
    async with service.running(database) as worker:
        await worker.apply(document())
        await worker.batch([dated_event(str(n), _NOW - timedelta(days=200)) for n in range(3)])
    await _age(connection, 0, _WINDOW + timedelta(minutes=1))
    await _age(connection, 1, _WINDOW - timedelta(minutes=1))
    done = await _once(database)
    assert done is not None
    assert done.claims == 1
    assert await connection.fetchval("select count(*) from claims") == 2
    again = await _once(database)
    assert again == MaintenanceRound(months=0, claims=0)


async def test_a_redelivery_after_the_purge_is_found(database: str, connection: Connection) -> None:
    """Whenever it is fed again, an event whose claim went is found by its entry: at the edge of the window too."""
    edge = _NOW - _WINDOW + timedelta(minutes=59)  # dated as late as it may be, an hour after it was applied
    async with service.running(database) as worker:
        await worker.apply(document())
        events = [dated_event("0", _NOW - timedelta(days=200)), dated_event("1", edge)]
        assert await worker.batch(events) == ["applied"] * 2
        await _age(connection, 0, timedelta(days=199))
        await _age(connection, 1, _WINDOW + timedelta(seconds=1))
        done = await _once(database)
        assert done is not None
        assert done.claims == 2
        assert await worker.batch(events) == ["duplicate"] * 2
    assert (await verify(database)).differences == []


async def test_months_are_there_before_they_begin(database: str, connection: Connection) -> None:
    """A round makes this month and the next two, over the end of a year, and the next round none."""
    done = await _once(database, _December())
    assert done == MaintenanceRound(months=3, claims=0)
    rows = await connection.fetch("select relname from pg_class where relname ~ '^timeline_203\\d_\\d\\d$'")
    assert {row["relname"] for row in rows} == {"timeline_2031_12", "timeline_2032_01", "timeline_2032_02"}
    assert await _once(database, _December()) == MaintenanceRound(months=0, claims=0)
    assert months_ahead(2026, 11) == {(2026, 11), (2026, 12), (2027, 1)}
    assert months_ahead(2026, 3) == {(2026, 3), (2026, 4), (2026, 5)}


async def test_one_worker_at_a_time(database: str) -> None:
    """While one worker does maintenance another does nothing, and takes over when the first is gone."""
    first, second = _maintenance(database), _maintenance(database)
    never = asyncio.Event()
    assert await first.round(never) is not None
    assert await second.round(never) is None
    assert await first.round(never) is not None
    first._database.drop()
    assert await eventually(lambda: second.round(never), within=5, what="the second to take over")
    second._database.drop()


async def test_beside_ingest_nothing_is_lost(
    database: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While maintenance deletes claims without a pause, batches with redeliveries go on, each event once."""
    monkeypatch.setattr(maintenance, "_PAGES", 1)
    people = [f"p{number}" for number in range(10)]
    old = [dated_event(str(n), _NOW - timedelta(days=120), subject=people[n % 10]) for n in range(500)]
    async with service.running(database) as worker:
        await worker.apply(document())
        assert set(await worker.batch(old)) == {"applied"}
        await connection.execute("update claims set applied_at = now() - interval '91 days'")
        async with _running(_maintenance(database, every=0.0)):
            for batch in range(1, 11):
                new = [dated_event(str(1000 * batch + n), _NOW, subject=people[n % 10]) for n in range(50)]
                again = old[50 * (batch - 1) : 50 * batch]
                mixed = [event for pair in zip(new, again, strict=True) for event in pair]
                assert await worker.batch(mixed) == ["applied", "duplicate"] * 50
                assert await worker.batch(new) == ["duplicate"] * 50

            async def forgotten() -> bool:
                past = "select count(*) from claims where applied_at < now() - interval '90 days'"
                return bool(await connection.fetchval(past) == 0)

            await eventually(forgotten, within=10, what="all claims past their window to be gone")
    assert len(await service.entries(connection)) == 1000
    assert (await verify(database)).differences == []


async def test_what_passes_does_not_end_it(database: str, connection: Connection) -> None:
    """A connection that is killed again and again, or a lock held for long, ends a round, not the maintenance."""
    async with _running(_maintenance(database)):
        for _ in range(3):
            await connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where pid <> pg_backend_pid() and datname = current_database()"
            )
        async with connection.transaction():
            await connection.execute("lock table claims in access exclusive mode")
            waiting = "select count(*) from pg_locks where not granted"
            await eventually(
                lambda: connection.fetchval(waiting), within=5, what="maintenance to meet the lock"
            )
        await connection.execute(
            "insert into claims values (1, decode(repeat('00', 16), 'hex'), 0, now() - interval '1 year')"
        )

        async def gone() -> bool:
            return bool(await connection.fetchval("select count(*) from claims") == 0)

        await eventually(gone, within=10, what="maintenance to continue")


async def test_it_ends_at_once_on_stopping(database: str) -> None:
    """Between rounds of hours it ends at once on stopping."""
    kept = _maintenance(database, every=3600.0)
    stopping = asyncio.Event()
    task = asyncio.create_task(kept.run(stopping))
    await eventually(lambda: kept._database.held is not None, within=5, what="the first round")
    stopping.set()
    async with asyncio.timeout(2):
        await task


async def test_a_defect_is_not_hidden(database: str, connection: Connection) -> None:
    """What does not pass by itself ends it, loudly."""
    await connection.execute("alter table claims rename to claimed")
    with pytest.raises(asyncpg.UndefinedTableError, match="claims"):
        await _maintenance(database).run(asyncio.Event())
