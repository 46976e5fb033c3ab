"""Background jobs: who gets the next step, what is skipped, and that it does not matter who takes a step, or when.

What a publish and a rejudgement do with contacts is in test_publish_steps.py and test_rejudgement.py.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Any, cast

import asyncpg
import pytest
from structlog.testing import capture_logs

from consumer import catalog
from consumer.infra import postgres
from consumer.infra.postgres.revision_lock import begin_shared
from consumer.scoring import announce, jobs, profile_publish, rejudgement
from consumer.scoring.jobs import WaitsFor
from consumer.scoring.profile_publish import PUBLISHES
from consumer.scoring.profile_publish.steps import Publishes
from consumer.scoring.rejudgement import REJUDGEMENTS
from consumer.scoring.rejudgement.steps import Rejudgements
from consumer.scoring.verify import verify
from consumer.worker import rounds
from consumer.worker.background_jobs import BackgroundJobs
from tests.builders.catalog_documents import ALWAYS, ONCE, definition, document
from tests.builders.events import clock_event
from tests.clock_by_hand import ClockByHand
from tests.pipeline import service
from tests.pipeline.history_runner import emptied
from tests.pipeline.statement_schedule import Schedule
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from consumer.infra.postgres.connection import Connection
    from consumer.scoring.jobs import JobKind

_ON = asyncio.Event()


@pytest.fixture(autouse=True)
def one_contact_in_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each step process one contact, so that the steps of a job are as many as its contacts."""
    for kind in (Publishes, Rejudgements):
        monkeypatch.setattr(kind, "contacts_per_step", 1)


@asynccontextmanager
async def background_jobs(
    dsn: str, connect: Callable[[], Awaitable[Connection]] | None = None
) -> AsyncIterator[BackgroundJobs]:
    """Give the background jobs of one worker, which rest no time."""
    connect = connect or (lambda: postgres.connect(dsn))
    background = BackgroundJobs(connect, clock=ClockByHand(), every=0.001, rest=0.0)
    yield background
    background.close()


async def history(dsn: str, contacts: Mapping[str, int]) -> None:
    """Let each account's contacts, of which there are so many, count a deal twice; then it is to count once."""
    async with service.running(dsn, feed=service.Feed(f"history-{min(contacts)}")) as worker:
        for account in contacts:
            await worker.apply(_document(account, ALWAYS))
        await worker.batch(
            [
                clock_event(clock, id=f"{account}-{n}-{clock}", subject=f"c-{n}", accountid=account)
                for account, many in contacts.items()
                for n in range(many)
                for clock in ("10:00", "11:00")
            ]
        )


def _document(
    account: str, dedup: dict[str, str], won: int = 10, *, published: bool = True
) -> dict[str, Any]:
    profile = {"key": "lead_score", "name": "Lead score", "primary": True, "inherits": True}
    return document(
        account,
        definitions=[definition("won", "deal.won", dedup=dedup)],
        profiles=[{**profile, "published": published, "weights": {"won": won}}],
    )


async def begin_publish(connection: Connection, account: str, won: int = 3) -> int:
    await catalog.apply_document(connection, service.parsed(_document(account, ALWAYS, won)))
    [publish] = await profile_publish.unfinished_publishes(connection, account, ["lead_score"])
    return publish


async def begin_rejudgement(connection: Connection, account: str) -> int:
    """Begin to judge the deals again, by a policy under which the second one does not count."""
    await catalog.apply_document(connection, service.parsed(_document(account, ONCE, published=False)))
    return await rejudgement.begin(connection, account, "won", with_xp=False, by="ada")


async def state(connection: Connection, kind: JobKind[Any], number: int) -> tuple[str, int]:
    """Return the state of a job, and how many contacts are processed in it."""
    status = await kind.status(connection, number)
    return status.state, status.done


async def test_a_long_job_does_not_hold_up_another_accounts(database: str, connection: Connection) -> None:
    """Accounts take turns: the short job ends while the long one is under way, step for step beside it."""
    await history(database, {"acme": 12, "birch": 2})
    long = await begin_publish(connection, "acme")
    short = await begin_publish(connection, "birch")
    steps: list[tuple[tuple[str, int], tuple[str, int]]] = []
    async with background_jobs(database) as background:
        while (await profile_publish.status(connection, short)).ended_at is None:
            assert await background.round(_ON)
            steps.append(
                (await state(connection, PUBLISHES, long), await state(connection, PUBLISHES, short))
            )
    assert [of_short for _, of_short in steps] == [
        ("building", 1),
        ("building", 2),
        ("announcing", 0),
        ("announcing", 1),
        ("announcing", 2),
        ("done", 2),
    ]
    assert [of_long for of_long, _ in steps] == [("building", n) for n in range(1, 7)]


async def test_the_jobs_of_an_account_take_turns(database: str, connection: Connection) -> None:
    """An account gets as many steps as any other, however many jobs it has: they share its turns."""
    await history(database, {"acme": 4, "birch": 4})
    other = await begin_rejudgement(connection, "birch")
    judging = await begin_rejudgement(connection, "acme")
    await catalog.apply_document(connection, service.parsed(_document("acme", ONCE, won=3)))
    [publish] = await profile_publish.unfinished_publishes(connection, "acme", ["lead_score"])
    seen = []
    async with background_jobs(database) as background:
        for _ in range(4):
            assert await background.round(_ON)
            of_acme: list[tuple[JobKind[Any], int]] = [(PUBLISHES, publish), (REJUDGEMENTS, judging)]
            done = [(await state(connection, kind, number))[1] for kind, number in of_acme]
            seen.append((*done, (await state(connection, REJUDGEMENTS, other))[1]))
    assert seen == [(1, 0, 1), (1, 1, 2), (2, 1, 3), (2, 2, 4)]


async def test_a_rejudgement_waits_beside_an_interrupted_announcement_which_goes_on(
    database: str, connection: Connection
) -> None:
    """The publish that a command left while it was announced ends, and then the rejudgement that waits for it."""
    await history(database, {"acme": 2})
    number = await begin_rejudgement(connection, "acme")
    async with background_jobs(database) as background:
        assert await background.round(_ON)
        await catalog.apply_document(connection, service.parsed(_document("acme", ONCE, won=3)))
        [publish] = await profile_publish.unfinished_publishes(connection)
        await service.run_publish_until(database, publish, "announcing")
        while (await profile_publish.status(connection, publish)).ended_at is None:
            assert await state(connection, REJUDGEMENTS, number) == ("running", 1)
            assert await background.round(_ON)
        while await background.round(_ON):
            pass
    assert await state(connection, REJUDGEMENTS, number) == ("done", 2)
    assert await service.overall_scores(connection) == {"c-0": 3, "c-1": 3}
    assert (await verify(database)).differences == []


async def test_a_job_that_waits_for_the_relay_is_skipped(
    database: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the outbox is full announcements wait, in every round; what needs no message goes on up to there."""
    await history(database, {"acme": 1, "birch": 3})
    full = await begin_publish(connection, "acme")
    await service.run_publish_until(database, full, "announcing")
    building = await begin_publish(connection, "birch")
    monkeypatch.setattr(announce, "_MAX_UNPUBLISHED", -1)
    async with background_jobs(database) as background:
        while await background.round(_ON):
            assert await state(connection, PUBLISHES, full) == ("announcing", 0)
        assert await state(connection, PUBLISHES, building) == ("announcing", 0)
        monkeypatch.setattr(announce, "_MAX_UNPUBLISHED", 20_000)
        while await background.round(_ON):
            pass
    assert await profile_publish.unfinished_publishes(connection) == []


async def test_a_full_outbox_without_a_relay_is_logged(
    database: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that has waited for a minute while no message was published is warned of, and not in each round."""
    await history(database, {"acme": 1})
    publish = await begin_publish(connection, "acme")
    await service.run_publish_until(database, publish, "announcing")
    monkeypatch.setattr(announce, "_MAX_UNPUBLISHED", -1)
    clock = ClockByHand()
    background = BackgroundJobs(lambda: postgres.connect(database), clock=clock, rest=0.0)
    with capture_logs() as logs:
        for _ in range(5):
            assert not await background.round(_ON)
            clock.seconds += 20
    background.close()
    assert [(log["log_level"], log["event"]) for log in logs] == [
        ("warning", "background job waits for a relay")
    ]


async def test_jobs_leave_nine_tenths_of_the_time_to_a_backlog(
    database: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While records wait a worker rests nine times as long as a step has taken, otherwise the least time."""
    await history(database, {"acme": 3})
    await begin_publish(connection, "acme")
    clock, backlog, rests = _StepsOfASecond(), [True, False, True], []

    async def rest(_stopping: asyncio.Event, seconds: float) -> bool:
        rests.append(seconds)
        return False

    monkeypatch.setattr(rounds, "event_within", rest)
    connect = partial(postgres.connect, database)
    background = BackgroundJobs(connect, clock=clock, rest=0.02, has_backlog=lambda: backlog[len(rests)])
    for _ in range(3):
        assert await background.round(_ON)
    background.close()
    assert rests == [9.0, 0.02, 9.0]


class _StepsOfASecond(ClockByHand):
    """A clock that goes on by a second each time it is looked at: before a step and after it."""

    def monotonic(self) -> float:
        self.seconds += 1
        return self.seconds


async def test_a_flip_that_has_to_wait_is_skipped(database: str, connection: Connection) -> None:
    """While the account is shared a publish cannot flip: another account's job goes on, and the flip comes later.

    A change of the configuration that has nothing else to do tries for a minute.
    """
    await history(database, {"acme": 1, "birch": 3})
    flips = await begin_publish(connection, "acme")
    goes_on = await begin_publish(connection, "birch")
    async with background_jobs(database) as background:
        assert await background.round(_ON)
        await begin_shared(connection, accounts=["acme"])
        other = await postgres.connect(database)
        began = time.monotonic()
        for done in (2, 3):
            assert await background.round(_ON)
            assert await state(other, PUBLISHES, flips) == ("building", 1)
            assert await state(other, PUBLISHES, goes_on) == ("building", done)
        assert time.monotonic() - began < 30
        await other.close()
        await connection.execute("rollback")
        while await background.round(_ON):
            pass
    assert await profile_publish.unfinished_publishes(connection) == []


_REFUSE = """
create function refuse() returns trigger language plpgsql as $$ begin raise exception 'out of order'; end $$;
create trigger refuse before insert on contact_scores for each row
    when (new.version = 2 and new.contact_id = {contact}) execute function refuse();
"""


async def test_a_job_that_fails_is_tried_again_and_stops_no_other(
    database: str, connection: Connection
) -> None:
    """An unexpected error is logged and stored, the next try is later and later; then it goes on where it was."""
    await history(database, {"acme": 3, "birch": 3})
    contact = await connection.fetchval(
        "select id from contacts where account_id = 1 order by id offset 1 limit 1"
    )
    fails, goes_on = await begin_publish(connection, "acme"), await begin_publish(connection, "birch")
    await connection.execute(_REFUSE.format(contact=contact))
    stored = "select failures, error, retry_at - now() as due from publishes where id = $1"
    async with background_jobs(database) as background:
        with capture_logs() as logs:
            while await background.round(_ON):
                pass
        assert [(log["event"], log["number"]) for log in logs if log["log_level"] == "error"] == [
            ("background job failed, to be tried again", fails)
        ]
        assert await state(connection, PUBLISHES, goes_on) == ("done", 3)
        assert await state(connection, PUBLISHES, fails) == ("building", 1)
        waits = []
        for failures in (1, 2, 3):
            row = await connection.fetchrow(stored, fails)
            assert row is not None
            assert (row["failures"], row["error"]) == (failures, "RaiseError: out of order")
            waits.append(row["due"].total_seconds())
            assert not await background.round(_ON)
            await connection.execute("update publishes set retry_at = now() where id = $1", fails)
            await background.round(_ON)
        assert waits == sorted(waits)
        assert waits[-1] > 3 * waits[0]
        await connection.execute(
            "drop trigger refuse on contact_scores; update publishes set retry_at = null"
        )
        while await background.round(_ON):
            pass
    assert await state(connection, PUBLISHES, fails) == ("done", 3)
    row = await connection.fetchrow(stored, fails)
    assert row is not None
    assert tuple(row) == (0, None, None)


_TAKE_TIME = """
create function take_time() returns trigger language plpgsql as $$ begin perform pg_sleep(0.1); return new; end $$;
create trigger take_time before insert on contact_scores for each row
    when (new.version = 2) execute function take_time();
"""


async def test_a_step_that_times_out_is_taken_with_fewer_contacts(
    database: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job ends by smaller steps: of eight contacts 0.1 s each, where a step has 0.35 s."""
    monkeypatch.setattr(Publishes, "contacts_per_step", 8)
    monkeypatch.setattr(jobs.step, "_STATEMENT_TIMEOUT", "set local statement_timeout = 350")
    await history(database, {"acme": 8})
    publish = await begin_publish(connection, "acme")
    await connection.execute(_TAKE_TIME)
    async with background_jobs(database) as background:
        with capture_logs() as logs:
            while (await profile_publish.status(connection, publish)).ended_at is None:
                await background.round(_ON)
    smaller = [log["contacts"] for log in logs if log["event"] == "background job takes smaller steps"]
    assert smaller[:2] == [4, 2]
    assert [log for log in logs if log["log_level"] == "error"] == []
    assert set((await service.overall_scores(connection)).values()) == {6}


async def test_an_account_is_served_by_one_worker_at_a_time(database: str, connection: Connection) -> None:
    """While a worker takes a step for an account, another takes none for it and does not wait for its turn."""
    await history(database, {"acme": 2, "birch": 2})
    publish, judging = await begin_publish(connection, "acme"), await begin_rejudgement(connection, "acme")
    goes_on = await begin_publish(connection, "birch")
    # Batches in flight have been waited for already.
    await connection.execute("update publishes set counted_contact_id = 0")
    await connection.execute("update rejudgements set counted_contact_id = 0")
    held = await postgres.connect(database)
    for kind, number in ((PUBLISHES, publish), (REJUDGEMENTS, judging)):
        await begin_shared(held)
        await held.execute(jobs.step._SQL["lock"].format(table=kind.table), number)
        facts = jobs.step._SQL["facts"].format(facts=kind.facts)
        await held.execute(facts, number, jobs.step._ACCOUNT_LOCK)
        for of_account in ((PUBLISHES, publish), (REJUDGEMENTS, judging)):
            try:
                waits_for = (await jobs.take_step(connection, *of_account)).waits_for
            except asyncpg.LockNotAvailableError:
                waits_for = None
            assert waits_for is WaitsFor.ANOTHER_PROCESS
        assert (await jobs.take_step(connection, PUBLISHES, goes_on)).waits_for is None
        await held.execute("rollback")
    await held.close()
    assert (await jobs.take_step(connection, PUBLISHES, publish)).waits_for is None


async def _begin_all(connection: Connection) -> None:
    """Begin a publish and a rejudgement of acme, a publish of birch that is then cancelled, and one of cedar."""
    await begin_rejudgement(connection, "acme")
    await catalog.apply_document(connection, service.parsed(_document("acme", ONCE, won=3)))
    cancelled = await begin_publish(connection, "birch")
    await jobs.take_step(connection, PUBLISHES, cancelled)
    await profile_publish.cancel(connection, cancelled, by="mia")
    await begin_publish(connection, "cedar", won=7)


async def _result(dsn: str, connection: Connection) -> dict[str, Any]:
    """Return what all jobs have led to, and that nothing is left to do."""
    ended = "select state::text from {} order by id"
    found: dict[str, Any] = {
        table: [row["state"] for row in await connection.fetch(ended.format(table))]
        for table in ("publishes", "rejudgements")
    }
    found["rows"] = await connection.fetchval("select count(*) from contact_scores")
    for read in (service.entries, service.tallies, service.scores):
        found[read.__name__] = await read(connection)
    assert (await verify(dsn)).differences == []
    return found


_CONTACTS = {"acme": 3, "birch": 2, "cedar": 3}


async def test_workers_at_once_end_as_one_does(database: str, connection: Connection) -> None:
    """Whatever the order of their statements, two workers lead to the same state as one worker alone."""
    await history(database, _CONTACTS)
    await _begin_all(connection)
    async with background_jobs(database) as background:
        while await background.round(_ON):
            pass
    expected = await _result(database, connection)
    monitor = await postgres.connect(database)
    for seed in range(3):
        await emptied(connection)
        await history(database, _CONTACTS)
        await _begin_all(connection)
        schedule = Schedule(database, monitor)
        workers = [await _worker(schedule, number) for number in range(2)]
        draw = Random(seed)
        await schedule.run(
            [draw.randrange(2) for _ in range(97)],
            {number: _work(background) for number, background in enumerate(workers)},
        )
        schedule.close()
        # What a worker at its end left to the other one, which waited for it.
        async with background_jobs(database) as background:
            while await background.round(_ON):
                pass
        assert await _result(database, connection) == expected
    await monitor.close()


async def _worker(schedule: Schedule, number: int) -> BackgroundJobs:
    return BackgroundJobs(lambda: schedule.connect(number), clock=ClockByHand(), rest=0.0)


async def _work(background: BackgroundJobs) -> None:
    while await background.round(_ON):
        pass


class _CancelledConnection:
    """A connection whose task is cancelled at its n-th statement, before the server has it or after it answered.

    After it answered only where no transaction is open: an open one is rolled back, as if the next statement had
    never been sent.
    """

    def __init__(self, connection: Connection, statements: int, *, answered_first: bool) -> None:
        self._connection = connection
        self._statements = statements
        self._answered_first = answered_first

    async def _sent(self, send: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
        if not self._answered_first:
            self._count()
            return await send(*arguments)
        answer = await send(*arguments)
        if not self._connection.is_in_transaction():
            self._count()
        return answer

    def _count(self) -> None:
        self._statements -= 1
        if self._statements == 0:
            raise asyncio.CancelledError

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._connection, name)
        if name not in {"execute", "fetch", "fetchrow", "fetchval"}:
            return attribute
        return lambda *arguments: self._sent(attribute, *arguments)


@pytest.mark.parametrize("answered_first", [False, True])
async def test_a_step_may_end_at_any_statement(
    database: str, connection: Connection, *, answered_first: bool
) -> None:
    """Each step is tried and cancelled at its first statement, its second one, …, until one more is not reached.

    The next try is another process's. All jobs end as they would have without.
    """
    await history(database, _CONTACTS)
    await _begin_all(connection)
    async with background_jobs(database) as background:
        while await background.round(_ON):
            pass
    expected = await _result(database, connection)
    await emptied(connection)
    await history(database, _CONTACTS)
    await _begin_all(connection)
    cancelled = 0
    while due := await jobs.due_jobs(connection, (PUBLISHES, REJUDGEMENTS)):
        for job in due:
            for statements in count(1):
                process = await postgres.connect(database)
                cut = _CancelledConnection(process, statements, answered_first=answered_first)
                try:
                    await jobs.take_step(cast("Connection", cut), job.kind, job.number)
                except asyncio.CancelledError:
                    cancelled += 1
                    await _end(connection, process)
                    continue
                await process.close()
                break
    assert cancelled > (20 if answered_first else 100)
    assert await _result(database, connection) == expected


async def _end(connection: Connection, process: Connection) -> None:
    """End a process, and wait until the server has noticed it and has let go of its locks."""
    pid = process.get_server_pid()
    process.terminate()

    async def is_gone() -> bool:
        return not await connection.fetchval("select exists (select from pg_locks where pid = $1)", pid)

    await eventually(is_gone, within=5, what="the server to release the locks")
