"""Purges: what they leave, in which steps, and beside what."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import chain, pairwise, repeat
from typing import TYPE_CHECKING, Any

import asyncpg

from consumer.scoring import jobs, rejudgement, retention
from consumer.scoring.rejudgement import REJUDGEMENTS
from consumer.scoring.retention import PURGES, steps
from consumer.scoring.verify import verify
from tests.builders.catalog_documents import ALWAYS, HOURLY, ONCE, dedup_document, definition, document
from tests.builders.events import AT, clock_event, event
from tests.pipeline import committed_rows, service
from tests.pipeline.batch_in_flight import BETWEEN, beside, in_flight
from tests.pipeline.connection_cuts import Cuts, finish
from tests.pipeline.copied_database import copied_database
from tests.pipeline.purging import begin_purge, purge

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from consumer.infra.postgres.connection import Connection
    from tests.oracle import OracleRecord
    from tests.servers.postgres import PostgresServer

_NOON = AT.replace(hour=12)
_DEFINITIONS = [
    definition("won", "deal.won", xp=20),
    definition("first", "deal.won", dedup=ONCE),
    definition("hourly", "deal.won", dedup=HOURLY),
    definition("each", "deal.won", dedup={**ONCE, "per": "object"}),
]


def _won(clock: str, contact: str = "ann", **attributes: Any) -> OracleRecord:
    return clock_event(clock, subject=contact, actorid="rita", actortype="rep", **attributes)


async def _left(connection: Connection) -> list[tuple[str, str, str | None]]:
    """Return contact, clock and object of what a purge has left, with the definition."""
    rows = await connection.fetch("""
        select c.external_id || ' ' || d.key, to_char(t.occurred_at at time zone 'UTC', 'HH24:MI'), t.object_id
        from timeline t join contacts c on c.id = t.contact_id join definitions d on d.id = t.definition_id
        where t.purged_at is not null order by 1, 2, 3""")
    return [tuple(row) for row in rows]


# What stays -----------------------------------------------------------------------------------------------------


async def test_what_dedup_needs_stays_without_payload(database: str, connection: Connection) -> None:
    """Of each key what 8.29 says, with its object; nothing else of the event is anywhere."""
    async with service.running(database) as worker:
        await worker.apply(document(sales=True, definitions=_DEFINITIONS))
        await worker.batch(
            [_won("10:00", objectid="o1"), _won("11:30", objectid="o2"), _won("13:00", objectid="o1")]
        )
        tallies = await service.scores(connection)
        status = await purge(connection, "acme", _NOON)
    assert (status.state, status.purged) == ("done", 8)
    assert await _left(connection) == [
        ("ann each", "10:00", "o1"),
        ("ann each", "11:30", "o2"),
        ("ann first", "10:00", "o1"),
        ("ann hourly", "11:30", "o2"),
    ]
    payload = await connection.fetch(
        "select distinct type, source, event_id, data, actor_id, actor_type from timeline"
        " where purged_at is not null"
    )
    assert [tuple(row) for row in payload] == [("", "", "", "", None, None)]
    assert await service.scores(connection) == tallies
    assert (await verify(database)).differences == []


async def test_later_purges_remove_what_is_no_longer_needed(database: str, connection: Connection) -> None:
    """What stayed for an interval goes when the horizon has passed it; `once` is for ever; tallies stay."""
    async with service.running(database) as worker:
        await worker.apply(document(sales=True, definitions=_DEFINITIONS))
        await worker.batch([_won("10:00"), _won("11:30"), _won("13:00")])
        before = await service.scores(connection)
        await purge(connection, "acme", _NOON)
        await purge(connection, "acme", _NOON + timedelta(days=1))
        assert await _left(connection) == [("ann each", "10:00", None), ("ann first", "10:00", None)]
        assert await service.scores(connection) == before
        # A key of which nothing has stayed is gone, and begins anew.
        later = [event("later", timestamp=AT + timedelta(days=2))]
        assert await worker.batch(later) == ["applied"]
    assert (await verify(database)).differences == []


async def test_a_rejudgement_leaves_what_stayed(database: str, connection: Connection) -> None:
    """Under a new rule the entries that are whole are judged beside those that a purge has left."""
    async with service.running(database) as worker:
        await worker.apply(dedup_document(HOURLY))
        await worker.batch([clock_event(at) for at in ("9:00", "10:30", "11:30", "12:40", "14:00")])
        await worker.apply(dedup_document({"policy": "cooldown", "interval": "2h"}))
        await purge(connection, "acme", _NOON)
        number = await rejudgement.begin(connection, "acme", "won", with_xp=True, by="ada")
        while (await REJUDGEMENTS.status(connection, number)).ended_at is None:
            await jobs.take_step(connection, REJUDGEMENTS, number)
    # 9:00 is a carried count; 10:30 and 11:30 have stayed, an hour apart; 12:40 is too near to them, 14:00 is not.
    assert await service.tallies(connection) == {
        ("acme", "ann", "won", 0): 1,
        ("acme", "ann", "won", 1): 2,
        ("acme", "ann", "won", 2): 1,
    }
    assert (await verify(database)).differences == []


# Steps ------------------------------------------------------------------------------------------------------------


async def test_a_contact_with_much_is_purged_in_parts(
    database: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much a contact has, a step takes so many entries at most, and everything agrees after each."""
    monkeypatch.setattr(steps, "_MOST_ENTRIES", 6)
    async with service.running(database) as worker:
        await worker.apply(document(sales=True, definitions=_DEFINITIONS))
        await worker.batch([_won(f"{hour:02}:{minute:02}") for hour in range(6, 13) for minute in (0, 20)])
        await worker.batch([_won("8:10", "bob"), _won("8:20", "cem")])
        scores = await service.scores(connection)
        number = await begin_purge(connection, "acme", _NOON)
        seen = []
        while (status := await PURGES.status(connection, number)).ended_at is None:
            seen.append(status.purged)
            await jobs.take_step(connection, PURGES, number)
            assert (await verify(database)).differences == []
            assert await service.scores(connection) == scores
    touched = [after - before for before, after in pairwise(seen)]
    # Three events of four entries each make twelve; an instant is not divided.
    assert max(touched) <= 8
    assert len(seen) > 6
    assert (status.done, status.total, status.purged) == (3, 3, 14 * 4)


async def test_all_of_one_instant_goes_in_one_step(
    database: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More entries of one instant than a step takes are no reason to stand still."""
    monkeypatch.setattr(steps, "_MOST_ENTRIES", 2)
    async with service.running(database) as worker:
        await worker.apply(document(definitions=_DEFINITIONS))
        await worker.batch([clock_event("10:00"), clock_event("10:00", source="/other")])
        status = await purge(connection, "acme", _NOON)
    assert (status.state, status.purged) == ("done", 8)


async def test_a_longer_period_ends_it(database: str, connection: Connection) -> None:
    """Once the account keeps its entries for longer, no step removes any more, and the horizon stays."""
    async with service.running(database) as worker:
        await worker.apply(document(definitions=_DEFINITIONS))
        await worker.batch([clock_event("10:00")])
    number = await begin_purge(connection, "acme", _NOON)
    await connection.execute("update accounts set retention_seconds = 86400::bigint * 36500")
    await jobs.take_step(connection, PURGES, number)
    status = await PURGES.status(connection, number)
    assert (status.state, status.purged) == ("cancelled", 0)
    assert await connection.fetchval("select horizon from accounts") == _NOON


async def _finish(connection: Connection, cuts: Cuts) -> None:
    """Take the only purge to its end."""
    cuts.armed = True
    while (await PURGES.status(connection, 1)).ended_at is None:
        await jobs.take_step(connection, PURGES, 1)


async def _state(dsn: str) -> dict[str, Any]:
    connection = await asyncpg.connect(dsn)
    try:
        found = await committed_rows.everything(connection)
        [purged] = await connection.fetch("select state, entries_purged, contacts_done from purges")
        return {**found, "purge": tuple(purged)}
    finally:
        await connection.close()


async def test_a_cut_at_any_await_leaves_no_trace(
    postgres_server: PostgresServer,
    database: str,
    connection: Connection,
    report_line: Callable[[str], None],
) -> None:
    """Before whichever statement a purge is cut, another worker finishes it to the same end."""
    async with service.running(database) as worker:
        await worker.apply(document(sales=True, definitions=_DEFINITIONS))
        await worker.batch([_won("10:00"), _won("11:30"), _won("13:00"), _won("11:00", "bob")])
    assert await begin_purge(connection, "acme", _NOON) == 1
    await connection.close()
    counting = Cuts()
    async with copied_database(postgres_server, database) as dsn:
        await finish(dsn, counting, _finish)
        undisturbed = await _state(dsn)
    assert undisturbed["purge"] == ("done", 12, 2)
    a_few = asyncio.Semaphore(4)

    async def cut(at: int, *, after: bool) -> None:
        async with a_few, copied_database(postgres_server, database) as dsn:
            await finish(dsn, Cuts(frozenset({at}), after=after, fatal=True), _finish)
            found = await _state(dsn)
        where = f"cut {'after' if after else 'before'} {counting.awaits[at - 1]!r}"
        for part, value in undisturbed.items():
            assert found[part] == value, f"{part}: {where}"

    async with asyncio.TaskGroup() as cases:
        for at, statement in enumerate(counting.awaits, start=1):
            cases.create_task(cut(at, after=False))
            if statement == "commit":
                cases.create_task(cut(at, after=True))
    report_line(f"a purge: cut before {len(counting.awaits)} awaits, and after each COMMIT")


# Beside batches ---------------------------------------------------------------------------------------------------


async def test_a_batch_in_flight_is_purged_too(database: str, connection: Connection) -> None:
    """A batch that has read the horizon before may add what is dated before the new one: the purge waits for it."""
    async with in_flight(database, connection) as (schedule, worker):
        await worker.apply(dedup_document(ALWAYS))
        await worker.batch([clock_event("9:00")])

        async def purged() -> None:
            working = await schedule.connect(1)
            number = await begin_purge(working, "acme", _NOON)
            step = await jobs.take_step(working, PURGES, number)
            assert step.waits_for is jobs.WaitsFor.BATCHES
            await working.fetchval(BETWEEN)
            while (await PURGES.status(working, number)).ended_at is None:
                step = await jobs.take_step(working, PURGES, number, awaited=step.awaited)

        turns = chain(schedule.turns_until(1, BETWEEN), repeat(0))
        await beside(schedule, worker.batch([clock_event("10:00")]), purged(), turns=turns)
    assert await connection.fetchval("select count(*) from timeline") == 0
    assert await service.overall_scores(connection) == {"ann": 20}
    assert (await verify(database)).differences == []


# When it is due ---------------------------------------------------------------------------------------------------


async def test_a_purge_is_due_when_the_horizon_can_move_by_a_day(
    database: str, connection: Connection
) -> None:
    """At first at once, then a day later; not while one runs, nor without a period."""
    async with service.running(database) as worker:
        await worker.apply(dedup_document(ALWAYS))
    assert await retention.begin_due(connection) == []
    await connection.execute("update accounts set retention_seconds = 30 * 86400")
    [first] = await retention.begin_due(connection)
    horizon = await connection.fetchval("select horizon from accounts")
    assert timedelta(days=30) <= datetime.now(UTC) - horizon < timedelta(days=30, minutes=5)
    assert await retention.begin_due(connection) == []
    await connection.execute("update accounts set horizon = horizon - interval '25 hours'")
    assert await retention.begin_due(connection) == [], "one is running"
    while (await PURGES.status(connection, first)).ended_at is None:
        await jobs.take_step(connection, PURGES, first)
    assert len(await retention.begin_due(connection)) == 1


async def test_none_begins_before_every_program_knows_of_it(database: str, connection: Connection) -> None:
    """While a program may run that knows nothing of purges, none begins."""
    async with service.running(database) as worker:
        await worker.apply(dedup_document(ALWAYS))
    await connection.execute(
        "update accounts set retention_seconds = 86400; update installation set schema_version = 5"
    )
    assert await retention.begin_due(connection) == []
    await connection.execute("update installation set schema_version = 6")
    assert len(await retention.begin_due(connection)) == 1


async def test_a_preview_counts_what_would_go(database: str, connection: Connection) -> None:
    """Whole entries that are older, and their contacts, and how far it has counted; nothing changes."""
    now = datetime.now(UTC)
    async with service.running(database) as worker:
        await worker.apply(document(definitions=_DEFINITIONS))
        for number, days in enumerate((1, 20, 20, 40)):
            at = now - timedelta(days=days)
            subject = "bob" if number == 2 else "ann"
            await worker.batch(
                [clock_event("10:00", time=at.isoformat(), timestamp=at, id=str(number), subject=subject)]
            )
    account = await connection.fetchval("select id from accounts")
    reports: list[tuple[int, int]] = []
    found = await retention.preview(
        connection, account, timedelta(days=10), progress=lambda done, total: reports.append((done, total))
    )
    assert (found.entries, found.contacts, reports) == (12, 2, [(2, 2)])
    found = await retention.preview(connection, account, timedelta(days=30))
    assert (found.entries, found.contacts) == (4, 1)
    assert await connection.fetchval("select count(*) from purges") == 0
