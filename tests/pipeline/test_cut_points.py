"""The connection to Postgres is cut at every await on it during a batch, without a trace in what is committed.

The awaits are counted, not listed: what the path awaits tomorrow is cut tomorrow. Each is cut before its statement
is sent or after it took effect with the answer lost (where that differs, as at the COMMIT, both), once with the
worker going on by itself, once with the worker dead and another one taking its lanes over.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from consumer.ingest import batch_processor
from tests.oracle import Oracle
from tests.pipeline import committed_rows, rich_batch, service
from tests.pipeline.connection_cuts import Cuts, WorkerDied, cut_everywhere
from tests.pipeline.copied_database import copied_database

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.oracle import ScoreChanged
    from tests.servers.postgres import PostgresServer


@pytest.fixture(scope="module")
async def past(module_database: str) -> str:
    """Give a database in which the history before the batch has happened."""
    async with service.running(module_database) as worker:
        await worker.apply(rich_batch.DOCUMENT)
        await worker.take_lanes(rich_batch.STARTS)
        await worker.process(rich_batch.history())
    return module_database


async def _run(dsn: str, cuts: Cuts) -> tuple[list[str], dict[str, Any]]:
    """Take the batch on a worker with these cuts; returns outcomes (of a dead worker none) and the state after."""
    async with service.running(dsn, connect=lambda: cuts.connect(dsn)) as worker:
        await worker.take_lanes(rich_batch.STARTS)
        await worker.process(rich_batch.warm_up())
        await worker.apply(rich_batch.CHANGE)
        cuts.armed = True
        try:
            outcomes = [service.outcome_of(one) for one in await worker.process(rich_batch.batch())]
        except WorkerDied:
            outcomes = []
            await _next_worker(dsn)
    connection = await asyncpg.connect(dsn)
    try:
        return outcomes, await committed_rows.everything(connection)
    finally:
        await connection.close()


async def _next_worker(dsn: str) -> None:
    """Take over the lanes of the dead worker, and read each from its position in the database."""
    async with service.running(dsn) as worker:
        await worker.take_lanes(rich_batch.STARTS)
        due = [
            record
            for record in rich_batch.batch()
            if record.offset >= worker.lanes[record.topic, record.partition].next_offset
        ]
        await worker.process(due)


def _oracle() -> Oracle:
    oracle = Oracle()
    oracle.apply(rich_batch.DOCUMENT)
    oracle.batch(rich_batch.HISTORY)
    oracle.batch([rich_batch.WARM_UP])
    oracle.apply(rich_batch.CHANGE)
    oracle.batch([record for lane in rich_batch.BATCH.values() for record in lane])
    return oracle


async def test_the_undisturbed_batch_is_as_the_oracle_says(
    postgres_server: PostgresServer, past: str
) -> None:
    """Without a cut the batch, which holds a bit of everything, ends as semantics.md has it."""
    oracle = _oracle()
    async with copied_database(postgres_server, past) as dsn:
        outcomes, state = await _run(dsn, Cuts())
        connection = await asyncpg.connect(dsn)
        assert await service.entries(connection) == oracle.entries
        await connection.close()
    assert outcomes == oracle.outcomes[-len(rich_batch.batch()) :]
    assert {outcome.partition(" ")[0] for outcome in outcomes} == {
        *("applied", "duplicate", "dead", "unmatched", "unknown_account", "contact")
    }
    assert state["tallies"] == oracle.tallies
    assert state["scores"] == oracle.scores
    assert {
        each["id"]: (each["data"]["overall"]["previous"], each["data"]["overall"]["current"])
        for each in state["score_changed"]
    } == {_identity(message): (message.previous, message.current) for message in oracle.messages}
    assert sorted((each["subject"], each["data"]["amount"]) for each in state["xp_credited"]) == sorted(
        (message.actor, message.amount) for message in oracle.xp
    )
    assert any(each["data"]["reverses"] for each in state["xp_credited"])
    fields = {(contact, field): value for contact, field, value, *_ in state["contact_fields"]}
    assert fields == {
        ("ann", "name"): "Anna",
        ("ann", "owner"): "rita",
        ("ann", "tags"): '["vip"]',
        ("fay", "name"): "Fay",
    }
    assert {row[0]: row[1] for row in state["outbox_heads"]}.keys() == {0, 1, 2, 3}
    assert sum(head > 0 for _, head in state["outbox_heads"]) == 3  # several shards


@pytest.mark.parametrize("together", [0, 100], ids=["one by one", "together"])
async def test_a_cut_at_any_await_leaves_no_trace(
    postgres_server: PostgresServer,
    past: str,
    report_line: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    together: int,
) -> None:
    """Wherever the connection is cut, and whichever worker goes on, the state is that of the undisturbed run.

    Whether the batch's writes go to Postgres one by one or in one message.
    """
    monkeypatch.setattr(batch_processor, "_TOGETHER", together)
    counting = Cuts()
    async with copied_database(postgres_server, past) as dsn:
        outcomes, undisturbed = await _run(dsn, counting)
    awaits = counting.awaits
    assert [awaits.count(statement) for statement in ("commit", "rollback")] == [1, 1]  # stale once
    assert awaits[-1] == "commit"

    a_few = asyncio.Semaphore(4)

    async def cut(at: int, after: bool, fatal: bool) -> None:
        cuts = Cuts(frozenset({at}), after, fatal)
        async with a_few, copied_database(postgres_server, past) as dsn:
            found, state = await _run(dsn, cuts)
        where = f"cut {'after' if after else 'before'} await {at}, {awaits[at - 1]!r}, fatal: {fatal}"
        assert len(cuts.awaits) >= at, where
        assert found == ([] if fatal else outcomes), where
        for part, value in undisturbed.items():
            assert state[part] == value, f"{part}: {where}"

    report_line(f"cut points: {await cut_everywhere(counting, cut)}")


async def test_a_cut_while_finding_out_about_a_lost_commit(
    postgres_server: PostgresServer, past: str
) -> None:
    """The answer to COMMIT is lost, then each await by which the worker finds out whether it went through."""
    counting = Cuts()
    async with copied_database(postgres_server, past) as dsn:
        outcomes, undisturbed = await _run(dsn, counting)
    lost = len(counting.awaits)
    once = Cuts(frozenset({lost}), after=True)
    async with copied_database(postgres_server, past) as dsn:
        await _run(dsn, once)
    assert len(once.awaits) > lost
    for at in range(lost + 1, len(once.awaits) + 1):
        async with copied_database(postgres_server, past) as dsn:
            found, state = await _run(dsn, Cuts(frozenset({lost, at}), after=True))
        assert found == outcomes
        assert state == undisturbed


async def test_an_overtaken_worker_changes_nothing(postgres_server: PostgresServer, past: str) -> None:
    """A worker whose lanes another one took over and worked off adds nothing to that, and forgets them."""
    async with copied_database(postgres_server, past) as dsn:
        _, undisturbed = await _run(dsn, Cuts())
    async with copied_database(postgres_server, past) as dsn:
        async with service.running(dsn) as older:
            await older.take_lanes(rich_batch.STARTS)
            await older.process(rich_batch.warm_up())
            await older.apply(rich_batch.CHANGE)
            await _next_worker(dsn)
            assert await older.process(rich_batch.batch()) == []
            assert older.lanes == {}
        connection = await asyncpg.connect(dsn)
        assert await committed_rows.everything(connection) == undisturbed
        await connection.close()


def _identity(message: ScoreChanged) -> str:
    return f"1:{message.account}:{message.profile}:{message.contact}:{message.version}"
