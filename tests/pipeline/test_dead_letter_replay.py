"""Dead letters that are fed again: what becomes of each, exactly once whatever is cut, and no lane moved."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from consumer.domain.make_event import event_key
from consumer.domain.model import DeadLetter
from consumer.infra import postgres
from consumer.ingest import triage
from consumer.ingest.dead_letters.browse import DeadLetterSelection
from consumer.ingest.dead_letters.replay import Replay, Replayed
from consumer.ingest.store_dead_letters import store_dead_letters
from consumer.scoring.verify import verify
from schemas.vocabulary import DeadLetterReason, Outcome
from tests.builders.catalog_documents import definition, document
from tests.builders.events import event
from tests.builders.kafka_records import structured_record
from tests.pipeline import service
from tests.pipeline.connection_cuts import Cuts, WorkerDied
from tests.pipeline.rejecting_trigger import mark, refuse_marked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from consumer.infra.postgres.connection import Connection
    from tests.oracle import OracleRecord

_AT = datetime(2026, 3, 2, 10, tzinfo=UTC)
_WINDOW = timedelta(days=90)
_ALL = DeadLetterSelection()


async def _store(connection: Connection, *records: OracleRecord) -> list[int]:
    """Store events as an older program might have: as dead, though they are not."""
    wrong = DeadLetter(DeadLetterReason.DATA_INVALID, "what an older program thought", None)
    letters = [(structured_record(record, "deals", 0, 100 + n), wrong) for n, record in enumerate(records)]
    return [number for number, _ in await store_dead_letters(connection, letters, 4)]


@asynccontextmanager
async def _replaying(
    dsn: str, connect: Callable[[], Awaitable[Connection]] | None = None
) -> AsyncIterator[Replay]:
    replay = Replay(connect or (lambda: postgres.connect(dsn)), claim_window=_WINDOW)
    try:
        yield replay
    finally:
        replay.close()


async def _replay(dsn: str, selection: DeadLetterSelection = _ALL) -> dict[int, Replayed]:
    async with _replaying(dsn) as replay:
        return {one.id: one async for some in replay.run(selection) for one in some}


async def _left(connection: Connection) -> list[int]:
    return [row["id"] for row in await connection.fetch("select id from dead_letters order by id")]


async def test_each_has_its_outcome(database: str, connection: Connection) -> None:
    """What is an event by now takes effect and its letter goes; what is dead or waits for a catalog stays."""
    async with service.running(database) as worker:
        await worker.apply(document())
        await worker.apply(document("off", engagement=False))
        await worker.batch([event("before")])
        lanes = await connection.fetch("select * from lanes")
        ids = await _store(
            connection,
            event("new"),
            event("tombstone", tombstone=True),
            event("before"),
            event("upserted", type="contact.upserted", subject="bob", data='{"name":"Bob"}'),
            event("nobody", accountid="nobody"),
            event("off", accountid="off"),
            event("unknown", type="deal.unheard_of"),
            event("dead", subject=None),
        )
        replayed = await _replay(database)

    outcomes = [
        "applied",
        "tombstone",
        "duplicate",
        "contact",
        "unknown_account",
        "disabled",
        "unmatched",
        "dead",
    ]
    assert [replayed[number].outcome for number in ids] == outcomes
    assert [replayed[number].stays for number in ids] == [False] * 4 + [True] * 4
    fault = replayed[ids[-1]].fault
    assert fault is not None
    assert (fault.reason, fault.detail) == (DeadLetterReason.ATTRIBUTE_MISSING, "subject: missing")
    assert await _left(connection) == ids[4:]
    assert await connection.fetch("select * from lanes") == lanes
    # A dead letter that stays counts nowhere, and is not stored or announced again.
    assert await connection.fetchval("select count(*) from inbox") == 0
    assert sorted(key[3] for key in await service.entries(connection)) == sorted(
        [_key("before"), _key("new")]
    )
    assert await connection.fetchval("select value from contact_fields") == "Bob"
    changes, _ = await service.messages(connection)
    assert [change["data"]["version"] for change in changes] == [1, 2]
    assert (await verify(database)).differences == []


def _key(identity: str) -> str:
    return event_key("/crm", identity).hex()


async def test_twice_is_once(database: str, connection: Connection) -> None:
    """A second replay by numbers finds nothing, though the claim be forgotten; one by filter has nothing to do."""
    await service.apply_document(database, document())
    ids = await _store(connection, event())
    assert (await _replay(database, DeadLetterSelection(tuple(ids))))[ids[0]].outcome is Outcome.APPLIED
    await connection.execute("delete from claims")
    assert await _replay(database, DeadLetterSelection(tuple(ids))) == {ids[0]: Replayed(ids[0], None)}
    assert await _replay(database) == {}
    assert len(await service.entries(connection)) == 1


async def test_the_records_own_timestamp_counts(database: str, connection: Connection) -> None:
    """Without `time` an event is dated by its old record, and what was settled then is settled now."""
    await service.apply_document(database, document())
    old = (_AT - timedelta(days=8)).isoformat()
    await _store(connection, event("undated"), event("settled", time=old))
    await _replay(database)
    rows = await connection.fetch("select occurred_at, settled from timeline order by settled")
    assert [tuple(row) for row in rows] == [(_AT, False), (_AT - timedelta(days=8), True)]


async def test_one_refused_harms_no_neighbour(database: str, connection: Connection) -> None:
    """Of many the one that the database refuses stays, its reason is returned, and all others take effect."""
    await refuse_marked(connection)
    await service.apply_document(database, document())
    events = [event(str(n), objectid=mark("22003") if n == 5 else None) for n in range(11)]
    ids = await _store(connection, *events)
    replayed = await _replay(database)
    assert await _left(connection) == [ids[5]]
    assert {one.outcome for number, one in replayed.items() if number != ids[5]} == {Outcome.APPLIED}
    fault = replayed[ids[5]].fault
    assert fault is not None
    assert (fault.reason, fault.detail) == (
        DeadLetterReason.REFUSED_BY_DATABASE,
        "SQLSTATE 22003, NumericValueOutOfRangeError",
    )
    assert len(await service.entries(connection)) == 10


async def test_filters_narrow(database: str, connection: Connection) -> None:
    """Only those of the account, reason and topic asked for are fed again."""
    await service.apply_document(database, document())
    ids = await _store(connection, *(event(str(n)) for n in range(5)))
    for number, column, value in [
        (ids[0], "topic", "emails"),
        (ids[1], "reason", "too_deep"),
        (ids[2], "account_key", "birch"),
    ]:
        await connection.execute(f"update dead_letters set {column} = $2 where id = $1", number, value)
    assert set(await _replay(database, DeadLetterSelection(topic="emails"))) == {ids[0]}
    assert set(await _replay(database, DeadLetterSelection(reason="too_deep"))) == {ids[1]}
    assert set(await _replay(database, DeadLetterSelection(account="birch"))) == {ids[2]}
    assert set(await _replay(database, DeadLetterSelection((ids[3], ids[0])))) == {ids[0], ids[3]}
    assert await _left(connection) == [ids[4]]


async def test_a_changed_catalog_is_noticed(database: str, connection: Connection) -> None:
    """A replay that has read the catalog before a change judges by the change all the same."""
    await service.apply_document(database, document())
    await _store(connection, event("seen", type="deal.seen"))
    async with _replaying(database) as replay:
        [[before]] = [some async for some in replay.run(_ALL)]
        await service.apply_document(database, document(definitions=[definition("seen", "deal.seen")]))
        [[after]] = [some async for some in replay.run(_ALL)]
    assert (before.outcome, after.outcome) == (Outcome.UNMATCHED, Outcome.APPLIED)
    assert await _left(connection) == []


async def test_letters_of_several_accounts(database: str, connection: Connection) -> None:
    """Each takes effect by the catalog of its own account, in one replay and in the next."""
    async with service.running(database) as worker:
        for account in ("acme", "birch", "cedar"):
            await worker.apply(document(account))
    ids = await _store(connection, event("a"), event("b", accountid="birch"))
    async with _replaying(database) as replay:
        [both] = [some async for some in replay.run(_ALL)]
        [other] = await _store(connection, event("c", accountid="cedar"))
        [third] = [some async for some in replay.run(_ALL)]
    assert [(one.id, one.outcome) for one in [*both, *third]] == [
        (number, Outcome.APPLIED) for number in (*ids, other)
    ]
    assert (await verify(database)).differences == []


async def test_more_entries_than_one_batch_may_have(
    database: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dead letters that would exceed the bound on entries are replayed some at a time, and none is left out."""
    monkeypatch.setattr(triage, "MOST_ENTRIES", 5)
    async with service.running(database) as worker:
        await worker.apply(document(definitions=[definition(key, "deal.won") for key in ("one", "two")]))
    ids = await _store(connection, *(event(str(number)) for number in range(5)))
    replayed = await _replay(database)
    assert [replayed[number].outcome for number in ids] == [Outcome.APPLIED] * 5
    assert await _left(connection) == []
    assert await connection.fetchval("select count(*) from timeline") == 10


async def test_two_at_once_share_the_work(database: str, connection: Connection) -> None:
    """Of two replays of the same letters each letter is fed by one, and the other finds it gone."""
    await service.apply_document(database, document())
    ids = tuple(await _store(connection, *(event(str(n)) for n in range(30))))
    both = await asyncio.gather(*(_replay(database, DeadLetterSelection(ids)) for _ in range(2)))
    for number in ids:
        assert {one[number].outcome for one in both} == {Outcome.APPLIED, None}
    assert len(await service.entries(connection)) == 30
    assert (await verify(database)).differences == []


@pytest.mark.parametrize("after", [False, True])
async def test_cut_anywhere_it_is_done_or_not(after: bool, database: str, connection: Connection) -> None:
    """Killed at any statement, before or after its effect, a replay is whole or nothing; again, it is done."""
    await service.apply_document(database, document())
    for cut in range(1, 60):
        record = event(f"cut-{cut}")
        [number] = await _store(connection, record)
        cuts = Cuts(frozenset({cut}), after, fatal=True, armed=True)
        died = False
        try:
            async with _replaying(database, partial(cuts.connect, database)) as replay:
                [some async for some in replay.run(_ALL)]
        except WorkerDied:
            died = True
        entries = len(await service.entries(connection))
        assert (entries == cut - 1) == (await _left(connection) == [number])
        await _replay(database)
        assert len(await service.entries(connection)) == cut
        assert await _left(connection) == []
        if not died:
            break
    else:
        pytest.fail("never got through")
    assert cut > 10
    assert (await verify(database)).differences == []


@pytest.mark.parametrize("after", [False, True])
async def test_a_lost_connection_is_survived(after: bool, database: str, connection: Connection) -> None:
    """A connection cut at any statement costs another try, and the outcome returned is the true one."""
    await service.apply_document(database, document())
    for cut in range(1, 60):
        [number] = await _store(connection, event(f"cut-{cut}"))
        cuts = Cuts(frozenset({cut}), after, armed=True)
        async with _replaying(database, partial(cuts.connect, database)) as replay:
            [some] = [some async for some in replay.run(_ALL)]
        assert some == [Replayed(number, Outcome.APPLIED)]
        if len(cuts.awaits) < cut:
            break
    else:
        pytest.fail("never got through")
    assert len(await service.entries(connection)) == cut
