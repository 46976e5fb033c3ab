"""Carrying out joins and deletions is cut at every await, and finished by another worker, without a trace."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from consumer.scoring import identity
from consumer.scoring.verify import verify
from tests.builders.catalog_documents import HOURLY, ONCE, definition, document, groups
from tests.builders.events import clock_event
from tests.pipeline import committed_rows, service
from tests.pipeline.connection_cuts import Cuts, finish
from tests.pipeline.copied_database import copied_database

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.infra.postgres.connection import Connection
    from tests.oracle import OracleRecord
    from tests.servers.postgres import PostgresServer


def _about(clock: str, type_: str, contact: str, **data: str) -> OracleRecord:
    return clock_event(clock, type=type_, subject=contact, data=json.dumps(data))


def _won(clock: str, contact: str, **attributes: Any) -> OracleRecord:
    return clock_event(clock, subject=contact, actorid="rita", actortype="rep", **attributes)


@pytest.fixture(scope="module")
async def past(module_database: str) -> str:
    """Give a database in which bob is to be joined to ann, and ann's life up to 11:00 to be deleted."""
    async with service.running(module_database) as worker:
        await worker.apply(
            document(
                groups=groups("purchase"),
                sales=True,
                definitions=[
                    definition("won", "deal.won", dedup=HOURLY, xp=20),
                    definition("first", "deal.won", dedup=ONCE, xp=5),
                ],
            )
        )
        await worker.batch(
            [
                _about("09:00", "contact.upserted", "ann", name="Ann", email="a@example.com"),
                _won("10:00", "ann", objectid="o1"),
                _won("10:30", "bob"),
                _about("11:30", "contact.upserted", "bob", name="Bob"),
                _won("12:00", "ann"),
                _won("12:10", "bob"),
                _won("12:20", "bob", objectid="o2", settled=True),
                _about("12:30", "survey.answered", "ann", note="x"),
                _about("12:40", "deal.won", "ann", amount="much"),
            ]
        )
        connection = await worker.connect()
        await worker.inbox.flush(connection)
        await connection.close()
        await worker.batch(
            [_about("13:00", "contact.merged", "bob", into="ann"), _about("11:00", "contact.deleted", "ann")]
        )
    return module_database


async def _carry_out(connection: Connection, cuts: Cuts) -> None:
    """Carry out all that is due."""
    while due := await identity.due_contacts(connection, 10):
        cuts.armed = True
        await identity.carry_out(connection, due[0])
        cuts.armed = False


async def _state(dsn: str) -> dict[str, Any]:
    connection = await asyncpg.connect(dsn)
    try:
        found = await committed_rows.everything(connection)
        for table in ("joins", "deletions", "identity_work", "ended_chains", "personless_tallies"):
            found[table] = await connection.fetchval(f"select count(*) from {table}")
        found["fields"] = await service.contacts(connection)
        return found
    finally:
        await connection.close()


async def test_a_cut_at_any_await_leaves_no_trace(
    postgres_server: PostgresServer, past: str, report_line: Callable[[str], None]
) -> None:
    """Before whichever statement it is cut, or when the answer to the COMMIT is lost, the end is the same."""
    counting = Cuts()
    async with copied_database(postgres_server, past) as dsn:
        await finish(dsn, counting, _carry_out)
        undisturbed = await _state(dsn)
        assert (await verify(dsn)).differences == []
    assert undisturbed["fields"] == {("acme", "ann"): {"name": "Bob"}}
    assert undisturbed["personless_tallies"] == 2
    assert undisturbed["identity_work"] == 0
    awaits = counting.awaits
    assert awaits[-1] == "commit"

    a_few = asyncio.Semaphore(4)

    async def cut(at: int, *, after: bool) -> None:
        async with a_few, copied_database(postgres_server, past) as dsn:
            await finish(dsn, Cuts(frozenset({at}), after=after, fatal=True), _carry_out)
            state = await _state(dsn)
        where = f"cut {'after' if after else 'before'} await {at}, {awaits[at - 1]!r}"
        for part, value in undisturbed.items():
            assert state[part] == value, f"{part}: {where}"

    async with asyncio.TaskGroup() as cases:
        for at in range(1, len(awaits) + 1):
            cases.create_task(cut(at, after=False))
        cases.create_task(cut(len(awaits), after=True))
    report_line(f"joins and deletions: cut before {len(awaits)} awaits, and after the COMMIT")
