"""Backfills on real Postgres: their reports and messages, and the same end wherever they are cut."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from consumer.infra import postgres
from consumer.ingest import triage
from consumer.ingest.backfill import run
from consumer.ingest.backfill.run import Backfill, BackfillReport
from consumer.scoring.verify import verify
from schemas.vocabulary import DeadLetterReason, Outcome
from tests.builders.catalog_documents import definition, document
from tests.builders.events import AT, dated_event
from tests.pipeline import committed_rows, service
from tests.pipeline.connection_cuts import KILLED_OR_LOST, Cuts, WorkerDied, cut_everywhere
from tests.pipeline.copied_database import copied_database
from tests.pipeline.rejecting_trigger import mark, refuse_marked

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from consumer.infra.postgres.connection import Connection
    from tests.oracle import OracleRecord
    from tests.servers.postgres import PostgresServer

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


async def _backfill(
    dsn: str,
    records: Sequence[OracleRecord],
    connect: Callable[[], Awaitable[Connection]] | None = None,
    **options: Any,
) -> BackfillReport:
    backfill = Backfill(connect or partial(postgres.connect, dsn), claim_window=90 * _DAY, pause=0, **options)
    report = BackfillReport()
    try:
        with service.sorted_events(records) as events:
            async for so_far in backfill.run(events):
                report = so_far
    finally:
        backfill.close()
    return report


def _old(id_: str, hours: int = 0, **attributes: Any) -> OracleRecord:
    return dated_event(id_, AT - 400 * _DAY + hours * _HOUR, **attributes)


async def test_the_report_and_nothing_else(database: str, connection: Connection) -> None:
    """Each event has its outcome, the report has unmatched ones by type; inbox, lanes, letters stay (9.4)."""
    async with service.running(database) as worker:
        await worker.apply(document())
        await worker.apply(document("off", engagement=False))
        lanes = await connection.fetch("select * from lanes")
        report = await _backfill(
            database,
            [
                _old("a"),
                _old("b", subject="bob"),
                _old("a"),
                _old("c", type="deal.seen"),
                _old("d", type="deal.seen"),
                _old("e", type="deal.heard"),
                _old("f", accountid="off"),
                _old("g", type="contact.upserted", data='{"name":"Ann"}'),
            ],
        )
        async with asyncio.timeout(10):
            await worker.inbox.flush(connection)
    assert report.outcomes == {
        Outcome.APPLIED: 2,
        Outcome.DUPLICATE: 1,
        Outcome.UNMATCHED: 3,
        Outcome.DISABLED: 1,
        Outcome.CONTACT: 1,
    }
    assert report.unmatched == {"deal.seen": 2, "deal.heard": 1}
    assert await connection.fetch("select * from lanes") == lanes
    assert await connection.fetchval("select count(*) from inbox") == 0
    assert await connection.fetchval("select count(*) from dead_letters") == 0
    assert [data["causes"] for data in await service.score_changes(connection)] == [["backfill"]]
    assert (await verify(database)).differences == []


async def test_one_refused_harms_no_neighbour(database: str, connection: Connection) -> None:
    """What the database refuses is in the report with its place, is no dead letter, and all others take effect."""
    await refuse_marked(connection)
    await service.apply_document(database, document())
    events = [_old(str(n), n, objectid=mark("22003") if n == 5 else None) for n in range(11)]
    report = await _backfill(database, events)
    assert report.outcomes == {Outcome.APPLIED: 10, Outcome.DEAD: 1}
    [refused] = report.refused
    assert refused.record.offset == 5
    assert refused.reason is DeadLetterReason.REFUSED_BY_DATABASE
    assert await connection.fetchval("select count(*) from dead_letters") == 0


async def test_more_entries_than_one_batch_may_have(
    database: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events that make more entries than a commit may have are committed in parts, and none is left out."""
    monkeypatch.setattr(triage, "MOST_ENTRIES", 5)
    await service.apply_document(
        database, document(definitions=[definition(key, "deal.won") for key in ("one", "two")])
    )
    report = await _backfill(database, [_old(str(n), n) for n in range(5)])
    assert report.outcomes == {Outcome.APPLIED: 5}
    assert await connection.fetchval("select count(*) from timeline") == 10


async def test_two_at_once_share_the_work(database: str, connection: Connection) -> None:
    """Of two backfills of the same events each event is applied by one, and is a duplicate for the other (9.5)."""
    await service.apply_document(database, document())
    events = [_old(str(n), n, subject=f"c{n % 7}") for n in range(60)]
    both = await asyncio.gather(*(_backfill(database, events) for _ in range(2)))
    assert both[0].outcomes + both[1].outcomes == {Outcome.APPLIED: 60, Outcome.DUPLICATE: 60}
    assert len(await service.entries(connection)) == 60
    assert (await verify(database)).differences == []


async def test_a_message_for_both_causes(database: str, connection: Connection) -> None:
    """A backfill that comes before a contact's publish message carries both causes; so a reader sees one chain."""
    await service.apply_document(database, document())
    await _backfill(database, [_old("a")])
    publish = await service.begin_publish(connection, won=7)
    await service.run_publish_until(database, publish, "announcing")
    await _backfill(database, [_old("b", 1)])
    await service.publish_all(database, [publish])
    changes = await service.score_changes(connection)
    assert [data["causes"] for data in changes] == [["backfill"], ["publish", "backfill"]]
    assert changes[1]["overall"]["previous"] == changes[0]["overall"]["current"]


# Cuts -------------------------------------------------------------------------------------------------------

_DOCUMENT = document(
    definitions=[
        {**definition("won", "deal.won"), "dedup": {"policy": "cooldown", "interval": "2h"}, "xp": 5},
        {**definition("lost", "deal.lost"), "dedup": {"policy": "once"}},
    ]
)
_REP = {"actorid": "rita", "actortype": "rep"}
_BEFORE = [_old("before", 1, **_REP), _old("joined", 5, subject="cem")]
_EVENTS = [
    _old("a", 0, **_REP),
    _old("b", 3),
    _old("c", 2, type="deal.lost"),
    _old("d", 0, subject="bob", **_REP),
    _old("e", 9, subject="bob", type="contact.upserted", data='{"name":"Bob"}'),
    _old("f", 9, subject="cem", type="contact.merged", data='{"into":"ann"}'),
    _old("g", 1, subject="dan"),
    _old("h", 9, subject="dan", type="contact.deleted"),
    _old("before", 1, **_REP),
]


@pytest.fixture(scope="module")
async def past(module_database: str) -> str:
    """Give a database in which something has happened before."""
    async with service.running(module_database) as worker:
        await worker.apply(_DOCUMENT)
        await worker.batch(_BEFORE)
    return module_database


async def _end(dsn: str, cuts: Cuts) -> tuple[BackfillReport | None, dict[str, Any]]:
    """Run a backfill with these cuts, another if it dies; return the first one's report, and the state after."""
    report = None
    cuts.armed = True
    try:
        report = await _backfill(dsn, _EVENTS, partial(cuts.connect, dsn))
    except WorkerDied:
        await _backfill(dsn, _EVENTS)
    connection = await asyncpg.connect(dsn)
    try:
        return report, await committed_rows.everything(connection)
    finally:
        await connection.close()


async def test_a_cut_at_any_await_leaves_no_trace(
    postgres_server: PostgresServer,
    past: str,
    report_line: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Wherever a backfill is cut or killed, going on or run again it ends like an undisturbed one (9.5)."""
    monkeypatch.setattr(run, "MOST_EVENTS", 6)
    counting = Cuts()
    async with copied_database(postgres_server, past) as dsn:
        report, undisturbed = await _end(dsn, counting)
    assert report is not None
    assert report.outcomes == {
        Outcome.APPLIED: 4,
        Outcome.DUPLICATE: 1,
        Outcome.CONTACT: 3,
        Outcome.GONE: 1,
    }
    awaits = counting.awaits
    assert awaits.count("commit") == 2
    a_few = asyncio.Semaphore(4)

    async def cut(at: int, after: bool, fatal: bool) -> None:
        async with a_few, copied_database(postgres_server, past) as dsn:
            found, state = await _end(dsn, Cuts(frozenset({at}), after, fatal))
        where = f"cut {'after' if after else 'before'} await {at}, {awaits[at - 1]!r}, fatal: {fatal}"
        assert (found is None) == fatal, where
        assert found is None or found.outcomes == report.outcomes, where
        for part, value in undisturbed.items():
            assert state[part] == value, f"{part}: {where}"

    done = await cut_everywhere(counting, cut, KILLED_OR_LOST)
    report_line(f"cut points of a backfill: {done}")
