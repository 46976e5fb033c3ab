"""Maintenance beside ingest: it removes what is past its window and nothing else; no event is applied twice."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg
import pytest

from consumer.infra import postgres
from consumer.infra.clock import SystemClock
from consumer.scoring.verify import verify
from consumer.worker import maintenance
from consumer.worker.maintenance import Kept, Maintenance, MaintenanceRound, months_ahead
from tests.builders.catalog_documents import document
from tests.builders.events import dated_event
from tests.pipeline import service
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from consumer.infra.clock import Clock
    from consumer.infra.postgres.connection import Connection
    from tests.pipeline.service import Service

_WINDOW = timedelta(days=90)
_KEPT = Kept(claims=_WINDOW, dead_letters=timedelta(days=60), samples=timedelta(days=30))
_NOTHING = MaintenanceRound(months=0, dropped=0, claims=0, dead_letters=0, samples=0)
_MINUTE = timedelta(minutes=1)
_NOW = datetime.now(UTC).replace(microsecond=0)


class _December:
    """A clock at the end of a year."""

    def now(self) -> datetime:
        return datetime(2031, 12, 31, 23, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0


def _maintenance(dsn: str, clock: Clock | None = None, kept: Kept = _KEPT, **seconds: float) -> Maintenance:
    return Maintenance(
        lambda: postgres.connect(dsn),
        kept=kept,
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


async def _once(dsn: str, clock: Clock | None = None, kept: Kept = _KEPT) -> MaintenanceRound | None:
    maintained = _maintenance(dsn, clock, kept)
    done = await maintained.round(asyncio.Event())
    maintained._database.drop()
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
    assert await _once(database) == _NOTHING


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


@dataclass(frozen=True)
class _Forgotten:
    dead_letters: int = 0
    samples: int = 0


async def _forgotten(dsn: str, kept: Kept = _KEPT) -> _Forgotten:
    """Return what one round took away beside claims."""
    done = await _once(dsn, kept=kept)
    assert done is not None
    return _Forgotten(done.dead_letters, done.samples)


async def _dead_letters(worker: Service, connection: Connection, ages: list[timedelta]) -> list[int]:
    """Let as many records be dead, recorded so long ago; returns the numbers of their letters."""
    records = [dated_event(str(n), _NOW, subject=None) for n in range(len(ages))]
    assert await worker.batch(records) == ["dead attribute_missing"] * len(ages)
    ids = await _letters(connection)
    await connection.execute(
        "update dead_letters set recorded_at = now() - age from unnest($1::bigint[], $2::interval[]) t(number, age)"
        " where id = number",
        ids,
        ages,
    )
    return ids


async def _letters(connection: Connection) -> list[int]:
    return [row["id"] for row in await connection.fetch("select id from dead_letters order by id")]


async def test_dead_letters_go_after_their_time_and_not_before(
    database: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A letter recorded a minute longer ago than they are kept goes, some at a time; one a minute less stays."""
    monkeypatch.setattr(maintenance, "_LETTERS", 2)
    time = timedelta(days=60)
    async with service.running(database) as worker:
        ids = await _dead_letters(worker, connection, [time + _MINUTE] * 5 + [time - _MINUTE, timedelta(0)])
    assert await _forgotten(database) == _Forgotten(dead_letters=5)
    assert await _letters(connection) == ids[5:]
    assert await _forgotten(database) == _Forgotten()


async def test_a_dead_letter_that_is_being_replayed_is_left(database: str, connection: Connection) -> None:
    """Maintenance waits for no letter that a replay has locked; if that stays dead, the next round deletes it."""
    async with service.running(database) as worker:
        first, *_ = await _dead_letters(worker, connection, [timedelta(days=61)] * 3)
    async with connection.transaction():
        await connection.execute("select from dead_letters where id = $1 for update", first)
        assert await _forgotten(database) == _Forgotten(dead_letters=2)
    assert await _letters(connection) == [first]
    assert await _forgotten(database) == _Forgotten(dead_letters=1)


async def _unmatched(worker: Service, connection: Connection, number: int, age: timedelta) -> None:
    """Let an event of a type that no definition takes happen and be counted, so long ago."""
    happened = dated_event(
        str(number), datetime.now(UTC) - age, type="deal.unheard_of", data='{"t":"\\u0000"}'
    )
    assert await worker.batch([happened]) == ["unmatched"]
    await worker.inbox.flush(connection)


async def _sample(connection: Connection) -> str | None:
    """Return the id of the event that is the sample; None without one."""
    sample = json.loads(await connection.fetchval("select sample from inbox where type = 'deal.unheard_of'"))
    return sample.get("id")  # type: ignore[no-any-return] # JSON


async def test_samples_go_after_their_time_and_the_next_event_gives_one(
    database: str, connection: Connection
) -> None:
    """A sample taken longer ago than they are kept goes, though its type is still seen; the next event's stays."""
    time = timedelta(days=30)
    async with service.running(database) as worker:
        await worker.apply(document())
        await _unmatched(worker, connection, 1, time + _MINUTE)
        assert await _forgotten(database) == _Forgotten(), "it was taken now, whatever its date"
        await connection.execute("update inbox set first_seen_at = now() - $1::interval", time - _MINUTE)
        assert await _forgotten(database) == _Forgotten()
        await connection.execute("update inbox set first_seen_at = now() - $1::interval", time + _MINUTE)
        await _unmatched(worker, connection, 2, timedelta(0))
        assert await _sample(connection) == "1"
        assert await _forgotten(database) == _Forgotten(samples=1)
        assert await _sample(connection) is None
        assert await _forgotten(database) == _Forgotten()
        await _unmatched(worker, connection, 3, time - _MINUTE)
        assert await _sample(connection) == "3"
        assert await _forgotten(database) == _Forgotten()
        await _unmatched(worker, connection, 4, timedelta(0))
        assert await _sample(connection) == "3"
    assert await connection.fetchval("select count from inbox") == 4


async def test_what_has_no_bound_is_kept(database: str, connection: Connection) -> None:
    """Without a time for them, dead letters and samples stay, however old."""
    age = timedelta(days=3650)
    async with service.running(database) as worker:
        await worker.apply(document())
        ids = await _dead_letters(worker, connection, [age])
        await _unmatched(worker, connection, 1, age)
    await connection.execute("update inbox set first_seen_at = now() - $1::interval", age)
    for_ever = Kept(claims=_WINDOW, dead_letters=None, samples=None)
    assert await _forgotten(database, for_ever) == _Forgotten()
    assert await _letters(connection) == ids
    assert await _sample(connection) == "1"


async def test_months_are_there_before_they_begin(database: str, connection: Connection) -> None:
    """A round makes this month and the next two, over the end of a year, and the next round none."""
    done = await _once(database, _December())
    assert done == replace(_NOTHING, months=3)
    rows = await connection.fetch("select relname from pg_class where relname ~ '^timeline_203\\d_\\d\\d$'")
    assert {row["relname"] for row in rows} == {"timeline_2031_12", "timeline_2032_01", "timeline_2032_02"}
    assert await _once(database, _December()) == _NOTHING
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


async def test_sessions_of_the_console_go_when_they_have_expired(
    database: str, connection: Connection
) -> None:
    """A session of the console that has expired goes, however many there are; one that has not stays."""
    await connection.execute(
        "insert into console_sessions (hash, actor, account, permissions, expires_at)"
        " select sha256(n::text::bytea), 'ann', 'acme', '{}', now() + case n when 0 then interval '1 hour' else"
        " interval '-1 second' end from generate_series(0, 2500) n"
    )
    done = await _once(database)
    assert done is not None
    assert done.sessions == 2500
    assert await connection.fetchval("select count(*) from console_sessions") == 1
    assert await _once(database) == _NOTHING
