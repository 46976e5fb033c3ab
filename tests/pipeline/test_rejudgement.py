"""Judging history again: a rule that is changed can mend what was counted before it."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.domain.errors import UnknownAccountError
from consumer.infra import postgres
from consumer.infra.clock import SystemClock
from consumer.infra.postgres.connection_keeper import ConnectionKeeper
from consumer.scoring import jobs, rejudgement
from consumer.scoring.rejudgement import (
    REJUDGEMENTS,
    RejudgementEndedError,
    RejudgementRunningError,
    UnknownDefinitionError,
)
from consumer.scoring.rejudgement.preview import preview
from consumer.scoring.verify import verify
from consumer.worker.background_jobs import BackgroundJobs
from schemas.published import ScoreChanged, XpCredited
from tests.builders.catalog_documents import ALWAYS, HOURLY, ONCE, dedup_document
from tests.builders.events import by_file, clock_event
from tests.pipeline import service
from tests.pipeline.history_runner import emptied
from tests.pipeline.property_settings import property_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from consumer.infra.postgres.connection import Connection

_REP: dict[str, Any] = {"actorid": "rita", "actortype": "rep"}


async def begin(connection: Connection, *, with_xp: bool = False) -> int:
    return await rejudgement.begin(connection, "acme", "won", with_xp=with_xp, by="ada")


async def work(dsn: str, number: int) -> rejudgement.RejudgementStatus:
    """Judge to the end."""
    keeper = ConnectionKeeper(lambda: postgres.connect(dsn))
    async for status in rejudgement.run_rejudgement(keeper, number):
        last = status
    keeper.drop()
    return last


async def judged(dsn: str, connection: Connection, *, with_xp: bool = False) -> rejudgement.RejudgementStatus:
    return await work(dsn, await begin(connection, with_xp=with_xp))


@asynccontextmanager
async def counted_too_much(database: str) -> AsyncIterator[service.Service]:
    """Give a worker that has counted every deal of two contacts before the rule became `once`."""
    async with service.running(database) as worker:
        await worker.apply(dedup_document(ALWAYS))
        await worker.batch([clock_event(at, **_REP) for at in ("10:30", "10:00", "11:00")])
        await worker.batch(
            [clock_event("12:00", subject="bob", **_REP), clock_event("9:00", robot="true", **_REP)]
        )
        await worker.apply(dedup_document(ONCE))
        yield worker


async def net_xp(connection: Connection) -> int:
    _, xp_messages = await service.messages(connection)
    return sum(message["data"]["amount"] for message in xp_messages)


async def test_what_counted_too_much_is_mended(database: str, connection: Connection) -> None:
    """Under the newest edition only the first of each contact counts, in verdicts, tallies, scores and gates."""
    async with counted_too_much(database) as worker:
        status = await judged(database, connection)
        assert (status.state, status.edition, status.done, status.total, status.changed) == (
            "done",
            2,
            2,
            2,
            2,
        )
        assert await service.verdicts(connection) == {
            "9:00": "excluded",
            "10:00": "counted",
            "10:30": "already_counted",
            "11:00": "already_counted",
            "12:00": "counted",
        }
        assert set((await service.tallies(connection)).items()) == {
            (("acme", "ann", "won", 2), 1),
            (("acme", "bob", "won", 2), 1),
        }
        scores = await service.scores(connection)
        assert scores["acme", "lead_score", "ann"] == {"overall": 10, "purchase": 10}
        # A late event takes the first one's place, as if it had always been so.
        await worker.batch([clock_event("8:00")])
        assert (await service.verdicts(connection))["10:00"] == "already_counted"
    assert (await verify(database)).differences == []


async def test_each_change_is_announced(database: str, connection: Connection) -> None:
    """One message to each contact whose score changed, with cause `rejudge`, in the chain of the others."""
    async with counted_too_much(database):
        before, _ = await service.messages(connection)
        await judged(database, connection)
    changes, _ = await service.messages(connection)
    [message] = changes[len(before) :]
    service.validate(message, ScoreChanged)
    data = message["data"]
    assert (message["subject"], data["causes"], data["version"]) == ("ann", ["rejudge"], 2)
    assert data["overall"] == {"previous": 30, "current": 10}


async def test_xp_stays_unless_it_is_asked_for(database: str, connection: Connection) -> None:
    """XP credited before stays; an entry that counts again later is not credited twice."""
    async with counted_too_much(database) as worker:
        await judged(database, connection)
        assert await net_xp(connection) == 4 * 5
        # `once` by contact becomes `always` again: all count anew, and were credited for it before.
        await worker.apply(dedup_document(ALWAYS))
        assert (await judged(database, connection)).changed == 2
        assert await net_xp(connection) == 4 * 5
    assert (await verify(database)).differences == []


async def test_xp_follows_where_it_is_asked_for(database: str, connection: Connection) -> None:
    """Credits of entries that no longer count are taken back, each by the message that names it."""
    async with counted_too_much(database):
        await judged(database, connection, with_xp=True)
    assert await net_xp(connection) == 2 * 5
    _, xp_messages = await service.messages(connection)
    reversals = [message for message in xp_messages if message["data"]["reverses"]]
    assert [one["data"]["reverses"] for one in reversals] == [f"{one['id'][:-1]}1" for one in reversals]
    assert {one["data"]["amount"] for one in reversals} == {-5}
    for message in xp_messages:
        service.validate(message, XpCredited)
    assert (await verify(database)).differences == []


async def test_a_preview_says_what_comes_true(database: str, connection: Connection) -> None:
    """It names what would change and writes nothing; afterwards it is so, and there is nothing left to change."""
    async with counted_too_much(database):
        asked = await preview(connection, "acme", "won", with_xp=True)
        assert await service.verdicts(connection) == dict.fromkeys(
            await service.verdicts(connection), "counted"
        ) | {"9:00": "excluded"}
        status = await judged(database, connection, with_xp=True)
    assert (asked.contacts, asked.changed, asked.counting, asked.ceasing) == (2, 1, 0, 2)
    assert (asked.xp_given, asked.xp_taken) == (0, 10)
    assert [(mover.contact, mover.before, mover.after) for mover in asked.movers] == [("ann", 3, 1)]
    assert status.changed == asked.ceasing
    again = await preview(connection, "acme", "won", with_xp=True)
    assert (again.changed, again.movers) == (0, [])


async def test_one_at_a_time(database: str, connection: Connection) -> None:
    """A second one of the same definition is refused, and so is one of what is not there."""
    async with counted_too_much(database):
        await begin(connection)
        with pytest.raises(RejudgementRunningError):
            await begin(connection)
    with pytest.raises(UnknownDefinitionError):
        await rejudgement.begin(connection, "acme", "nothing", with_xp=False, by="ada")
    with pytest.raises(UnknownAccountError):
        await rejudgement.begin(connection, "nobody", "won", with_xp=False, by="ada")


async def test_cancelling_stops_it(database: str, connection: Connection) -> None:
    """Contacts not processed keep their verdicts; a second cancel is refused; both ends are in the audit trail."""
    async with counted_too_much(database):
        before = await service.verdicts(connection)
        number = await begin(connection)
        await rejudgement.cancel(connection, number, by="bea")
        assert (await work(database, number)).state == "cancelled"
        with pytest.raises(RejudgementEndedError):
            await rejudgement.cancel(connection, number, by="bea")
    assert await service.verdicts(connection) == before
    rows = await connection.fetch("select actor, action from audit order by id desc limit 2")
    assert [tuple(row) for row in rows] == [("bea", "cancelled"), ("ada", "judged_again")]


async def test_another_edition_ends_it(database: str, connection: Connection) -> None:
    """When the rule changes again before the end it stops, for its edition is no longer the newest."""
    async with counted_too_much(database) as worker:
        number = await begin(connection)
        await worker.apply(dedup_document(HOURLY))
        assert (await work(database, number)).state == "superseded"
    assert (await verify(database)).differences == []


async def test_a_worker_goes_on_with_it(database: str, connection: Connection) -> None:
    """A rejudgement that was begun is run to its end by the background jobs."""
    async with counted_too_much(database):
        number = await begin(connection)
    background = BackgroundJobs(lambda: postgres.connect(database), clock=SystemClock(), every=0.01, rest=0.0)
    while await background.round(asyncio.Event()):
        pass
    background.close()
    assert (await rejudgement.status(connection, number)).state == "done"


# The law --------------------------------------------------------------------------------------------------

_POLICIES = st.sampled_from([ALWAYS, ONCE, HOURLY, {"policy": "cooldown", "interval": "2h", "per": "object"}])
_HAPPENED = st.tuples(
    st.sampled_from(["8:00", "8:30", "9:00", "9:30", "10:00", "11:00"]),
    st.sampled_from(["ann", "bob"]),
    st.sampled_from(["x", "y"]),
)
_BATCHES = st.lists(st.lists(_HAPPENED, max_size=5), min_size=3, max_size=3)


def test_it_is_as_if_the_rule_had_always_been(module_database: str) -> None:
    """Property: verdicts, tallies, scores and net XP end as those of an account that always had the newest rule.

    Whatever came before, between and after the steps.
    """
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:

        @property_settings(20)
        @given(_POLICIES, _POLICIES, _BATCHES, st.integers(0, 3), st.sets(st.integers(0, 2)))
        def law(
            before: dict[str, str],
            after: dict[str, str],
            batches: list[list[Any]],
            early: int,
            backfilled: set[int],
        ) -> None:
            runner.run(_hold(module_database, before, after, batches, early=early, backfilled=backfilled))

        law()


async def _hold(
    dsn: str,
    before: dict[str, str],
    after: dict[str, str],
    batches: list[list[Any]],
    *,
    early: int,
    backfilled: set[int],
) -> None:
    """early: how many steps are taken before the last events come. backfilled: the batches that come by file."""
    connection, other = await postgres.connect(dsn), await postgres.connect(dsn)
    try:
        await emptied(connection)
        async with service.running(dsn) as worker:
            await worker.apply(dedup_document(before))
            await worker.apply({**dedup_document(after), "account": "birch"})
            await _feed(worker, batches[0], 0, backfilled)
            await worker.apply(dedup_document(after))
            await _feed(worker, batches[1], 1, backfilled)
            number = await begin(connection, with_xp=True)
            for _ in range(early):
                await jobs.take_step(other, REJUDGEMENTS, number)
            await _feed(worker, batches[2], 2, backfilled)
            await work(dsn, number)
        assert await _state(connection, "acme") == await _state(connection, "birch")
        assert (await verify(dsn)).differences == []
    finally:
        await connection.close()
        await other.close()


async def _feed(
    worker: service.Service, happened: list[tuple[str, str, str]], batch: int, backfilled: set[int]
) -> None:
    """Feed events to both accounts, to the first one perhaps by file."""
    acme, birch = (
        [
            clock_event(at, subject=who, objectid=what, id=f"{batch}-{place}", accountid=account, **_REP)
            for place, (at, who, what) in enumerate(happened)
        ]
        for account in ("acme", "birch")
    )
    if batch in backfilled:
        await worker.backfill([by_file(record) for record in acme])
    else:
        await worker.batch(acme)
    await worker.batch(birch)


async def _state(connection: Connection, account: str) -> dict[str, Any]:
    rows = await connection.fetch(
        """select c.external_id, t.event_id, t.verdict from timeline t join contacts c on c.id = t.contact_id
           join accounts a on a.id = t.account_id where a.key = $1""",
        account,
    )
    tallies: Counter[str] = Counter()
    for (of, contact, *_), count in (await service.tallies(connection)).items():
        if of == account:
            tallies[contact] += count
    scores = await service.scores(connection)
    _, xp_messages = await service.messages(connection)
    return {
        "verdicts": {tuple(row[:2]): row["verdict"] for row in rows},
        "tallies": tallies,
        "scores": {contact: score for (of, _, contact), score in scores.items() if of == account},
        "xp": sum(message["data"]["amount"] for message in xp_messages if message["accountid"] == account),
    }
