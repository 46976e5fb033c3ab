"""Backfills that workers carry out, killed at every await and gone on with by another worker."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from consumer.infra import postgres
from consumer.infra.settings import Settings
from consumer.ingest import triage
from consumer.ingest.backfill import requests, run
from consumer.ingest.backfill.steps import BackfillSteps, NotOurTurnError
from schemas.vocabulary import Outcome
from tests.builders.catalog_documents import HOURLY, ONCE, definition, document
from tests.builders.events import clock_event
from tests.pipeline import committed_rows, service
from tests.pipeline.connection_cuts import KILLED_OR_LOST, Cuts, WorkerDied, cut_everywhere
from tests.pipeline.copied_database import copied_database
from tests.pipeline.rejecting_trigger import mark, refuse_marked

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from consumer.infra.postgres.connection import Connection
    from tests.oracle import OracleRecord
    from tests.servers.postgres import PostgresServer

_REP: dict[str, Any] = {"actorid": "rita", "actortype": "rep"}
_EVENTS = [
    clock_event("10:00", **_REP),
    clock_event("09:30"),
    clock_event("10:10", type="deal.lost"),
    clock_event("10:20", type="deal.seen"),
    clock_event("10:30", subject="bob", objectid=mark("22003")),
    clock_event("10:40", subject="bob", **_REP),
    clock_event("10:50", subject="cem"),
]


async def _begin(connection: Connection, events: Sequence[OracleRecord] = _EVENTS) -> int:
    with service.sorted_events(events) as made:
        number = await connection.fetchval("select id from accounts where key = 'acme'")
        return await requests.begin_with_events(connection, "acme", number, made, with_xp=True, by="mia")


def _steps(dsn: str, connect: Callable[[], Awaitable[Connection]] | None = None) -> BackfillSteps:
    settings = Settings(database_url=dsn, kafka_bootstrap="127.0.0.1:1")
    return BackfillSteps(connect or partial(postgres.connect, dsn), settings)


async def _carry_out(
    dsn: str, number: int, connect: Callable[[], Awaitable[Connection]] | None = None
) -> None:
    steps = _steps(dsn, connect)
    try:
        for _ in range(50):
            try:
                if await steps.take(number) == "done":
                    return
            except NotOurTurnError:
                ended = await _ended(dsn, number)
                if ended:
                    return
    finally:
        steps.close()
    raise AssertionError("never done")


async def _ended(dsn: str, number: int) -> bool:
    connection = await asyncpg.connect(dsn)
    try:
        return bool(
            await connection.fetchval("select ended_at is not null from backfills where id = $1", number)
        )
    finally:
        await connection.close()


async def _outcomes(connection: Connection) -> dict[tuple[str, str], int]:
    rows = await connection.fetch("select outcome, type, count from backfill_outcomes")
    return {(row["outcome"], row["type"]): row["count"] for row in rows}


@pytest.fixture(scope="module")
async def past(module_database: str) -> str:
    """Give a database with a backfill that has begun, of whose events Postgres refuses one."""
    async with service.running(module_database) as worker:
        await worker.apply(
            document(
                definitions=[
                    definition("won", "deal.won", dedup=HOURLY),
                    definition("lost", "deal.lost", dedup=ONCE),
                ]
            )
        )
    connection = await asyncpg.connect(module_database)
    await refuse_marked(connection)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "MOST_EVENTS", 4)
        await _begin(connection)
    await connection.close()
    return module_database


async def _end(dsn: str, cuts: Cuts) -> dict[str, Any]:
    """Carry the backfill out with these cuts, by another worker if it dies; return the state after."""
    cuts.armed = True
    try:
        await _carry_out(dsn, 1, partial(cuts.connect, dsn))
    except WorkerDied:
        await _carry_out(dsn, 1)
    connection = await asyncpg.connect(dsn)
    try:
        backfill = await connection.fetchrow("select state, events_done, events_total from backfills")
        assert backfill is not None
        return {
            **await committed_rows.everything(connection),
            "backfill": tuple(backfill),
            "outcomes": await _outcomes(connection),
            "batches": await connection.fetchval("select count(*) from backfill_batches"),
        }
    finally:
        await connection.close()


async def test_killed_at_any_await_another_worker_goes_on(
    postgres_server: PostgresServer, past: str, report_line: Callable[[str], None]
) -> None:
    """Wherever a worker is cut or killed, the end is the same, and each event is counted once, by its outcome."""
    counting = Cuts()
    async with copied_database(postgres_server, past) as dsn:
        undisturbed = await _end(dsn, counting)
    assert undisturbed["backfill"] == ("done", 7, 7)
    assert undisturbed["outcomes"] == {
        (Outcome.APPLIED, ""): 5,
        (Outcome.UNMATCHED, "deal.seen"): 1,
        (Outcome.DEAD, ""): 1,
    }
    assert undisturbed["batches"] == 0
    awaits = counting.awaits
    a_few = asyncio.Semaphore(4)

    async def cut(at: int, after: bool, fatal: bool) -> None:
        async with a_few, copied_database(postgres_server, past) as dsn:
            state = await _end(dsn, Cuts(frozenset({at}), after, fatal))
        where = f"cut {'after' if after else 'before'} await {at}, {awaits[at - 1]!r}, fatal: {fatal}"
        for part, value in undisturbed.items():
            assert state[part] == value, f"{part}: {where}"

    done = await cut_everywhere(counting, cut, KILLED_OR_LOST)
    report_line(f"cut points of a backfill's job: {done}")


async def test_two_workers_at_once(
    database: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two workers at one backfill each batch is taken by one, and counted once."""
    monkeypatch.setattr(run, "MOST_EVENTS", 2)
    await service.apply_document(database, document())
    number = await _begin(connection, [clock_event(f"10:{n:02}", subject=f"c{n % 9}") for n in range(40)])
    await asyncio.gather(*(_carry_out(database, number) for _ in range(2)))
    assert await _outcomes(connection) == {(Outcome.APPLIED, ""): 40}
    assert len(await service.entries(connection)) == 40


async def test_a_batch_that_takes_several_commits(
    database: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch with more entries than one commit may have is committed in parts, each counted with its commit."""
    monkeypatch.setattr(triage, "MOST_ENTRIES", 5)
    await service.apply_document(
        database, document(definitions=[definition(key, "deal.won") for key in ("one", "two")])
    )
    number = await _begin(connection, [clock_event(f"10:{n:02}") for n in range(7)])
    await _carry_out(database, number)
    assert await _outcomes(connection) == {(Outcome.APPLIED, ""): 7}
    assert await connection.fetchval("select events_done from backfills") == 7
