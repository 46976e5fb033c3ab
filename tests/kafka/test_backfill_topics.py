"""`engagement backfill --from-topics` on a real broker: which records are read again, and their verdicts."""

from __future__ import annotations

import asyncio
import itertools
import re
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from consumer.__main__ import main
from consumer.infra import postgres
from consumer.infra.postgres.connection_keeper import ConnectionKeeper
from consumer.ingest.backfill import requests, steps
from consumer.ingest.backfill.from_topics import find_past_records, read_topics
from consumer.ingest.backfill.sorted_events import SortedEvents
from consumer.scoring.verify import verify
from schemas.vocabulary import Outcome
from tests.builders.catalog_documents import HOURLY, definition, document
from tests.builders.events import AT, dated_event
from tests.builders.kafka_records import binary_record, structured_record
from tests.kafka.worker_in_process import working
from tests.pipeline import service
from tests.pipeline.connection_cuts import Cuts, WorkerDied
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from consumer.infra.postgres.connection import Connection
    from tests.kafka.installation import Installation
    from tests.oracle import OracleRecord

    Run = Callable[..., Awaitable[tuple[int, list[str], list[str]]]]

pytestmark = pytest.mark.real_kafka

_DAY = timedelta(days=1)
_SINCE = "2026-03-02T00:00:00Z"
_READING = re.compile("Adds batches|Records what is (to be read|left to be read)")
_SEEN = definition("seen", "deal.seen", dedup=HOURLY)


@pytest.fixture
async def run(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Make topics and two accounts, and give a function that runs the command on this installation."""
    await installation.create_topics(2)
    await installation.apply(document())
    await installation.apply(document("birch"))
    for name, value in installation.environment().items():
        monkeypatch.setenv(name, value)

    async def command(*words: str) -> tuple[int, list[str], list[str]]:
        capsys.readouterr()  # a worker's log
        code = await asyncio.to_thread(main, ["backfill", "--from-topics", *words])
        shown = capsys.readouterr()
        return code, shown.out.splitlines(), shown.err.splitlines()

    return command


def _seen(id_: str, hours: float, *, late: timedelta = timedelta(0), **attributes: object) -> OracleRecord:
    at = AT + timedelta(hours=hours)
    return dated_event(id_, at, **{"type": "deal.seen", "timestamp": at + late, **attributes})


async def _process(installation: Installation, *records: OracleRecord) -> None:
    """Let a worker process records in both modes and two partitions, and a dead one and a tombstone."""
    made = [
        (binary_record if place % 3 == 2 else structured_record)(record, "deals", place % 2, 0)
        for place, record in enumerate(records)
    ]
    made += [
        structured_record(one, "deals", 0, 0)
        for one in (_seen("dead", 0, subject=None), _seen("tombstone", 0, tombstone=True))
    ]
    sent = await installation.produce_raw(made)
    async with working(installation) as worker:
        await worker.until_handled(*sent)


async def test_what_was_unmatched_is_judged_now(
    run: Run, installation: Installation, connection: Connection
) -> None:
    """Of the account and type asked for, what workers have read counts by the new definition, once (9.8, 9.9)."""
    await _process(
        installation,
        _seen("before", -24),
        _seen("a", 0),
        _seen("b", 0.5),
        _seen("settled", 1.25, late=8 * _DAY),
        _seen("other", 0, accountid="birch"),
        _seen("heard", 0, type="deal.heard"),
        _seen("won", 0, type="deal.won"),
        _seen("c", 2, subject="bob"),
    )
    await installation.apply(document(definitions=[definition("won", "deal.won"), _SEEN]))
    inbox = await connection.fetch("select * from inbox order by 1, 2")
    lanes = await connection.fetch("select topic, partition, next_offset from lanes order by 1, 2")
    await installation.produce_raw([structured_record(_seen("later", 5), "deals", 0, 0)])

    arguments = ("--account", "acme", "--types", "deal.seen,deal.lost", "--since", _SINCE)
    applied, reach = "applied                    4", "Kafka has all records since the topics were created"
    assert await run(*arguments) == (0, [applied], [reach])
    assert await service.verdicts(connection) == {
        "won": "counted",
        "a": "counted",
        "b": "cooling_down",
        "settled": "counted",
        "c": "counted",
    }
    assert await connection.fetchval("select array_agg(event_id) from timeline where settled") == ["settled"]
    assert await connection.fetch("select * from inbox order by 1, 2") == inbox
    assert await connection.fetch("select topic, partition, next_offset from lanes order by 1, 2") == lanes

    # Once more, and all types: what is applied is a duplicate; what no definition takes is in the report.
    assert await run("--account", "acme", "--since", _SINCE) == (
        0,
        ["unmatched                  1", "  deal.heard: 1", "duplicate                  5"],
        [reach],
    )
    async with working(installation) as worker:
        await worker.until_handled(*await installation.produce([_seen("last", 7)]))
    assert (await service.verdicts(connection))["later"] == "counted"
    sent = await installation.messages("engagement.score-changed")
    causes = [message["data"]["causes"] for message in sent if message["subject"] == "ann"]
    assert causes[:3] == [["events"], ["backfill"], ["events"]]
    assert (await verify(installation.dsn)).differences == []


async def test_how_far_back_kafka_reaches(run: Run, installation: Installation) -> None:
    """Where records are deleted it says from when on Kafka has them all, and whether that is too late."""
    await _process(installation, *(_seen(str(hours), hours) for hours in range(8)))
    await installation.truncate("deals", before=2)
    back = "Kafka has all records since 2026-03-02T14:00:00.000000Z"
    assert await run("--account", "acme", "--since", _SINCE, "--dry-run") == (
        0,
        ["6 events"],
        [f"{back}: older ones are missing"],
    )
    assert await run("--account", "acme", "--since", "2026-03-02T14:00:00Z", "--dry-run") == (
        0,
        ["4 events"],
        [back],
    )
    assert (await run("--account", "acme", "--since", "1s", "--dry-run"))[:2] == (0, ["0 events"])


@pytest.mark.usefixtures("run")
async def test_records_deleted_meanwhile(installation: Installation) -> None:
    """What the brokers delete between the beginning and the reading is missing, and the rest is read."""
    await _process(installation, *(_seen(str(hours), hours) for hours in range(8)))
    settings = installation.settings()
    with ConnectionKeeper(lambda: postgres.connect(installation.dsn)) as keeper, SortedEvents() as events:
        past = await find_past_records(settings, keeper, 0)
        await installation.truncate("deals", before=2)
        await read_topics(settings, past, events, account="acme")
        assert sorted(int(event.id) for event, _ in events) == [1, 3, 4, 5, 6, 7]


@pytest.mark.usefixtures("run")
async def test_a_worker_carries_it_out(
    installation: Installation, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was requested over HTTP is read some events at a time, to its end, whichever worker takes a step."""
    monkeypatch.setattr(steps, "_AT_ONCE", 2)
    records = [_seen(str(hours), hours, subject=f"c{hours % 3}") for hours in range(8)]
    await _process(installation, *records, _seen("other", 0, accountid="birch"))
    await installation.truncate("deals", before=2)
    await installation.apply(document(definitions=[_SEEN]))
    account = await connection.fetchval("select id from accounts where key = 'acme'")
    since = AT.replace(hour=0)
    number = await requests.begin_from_topics(
        connection, "acme", account, since=since, types=["deal.seen"], with_xp=True, by="mia"
    )
    states: list[str | None] = []
    while "done" not in states:
        # Each step by another worker.
        settings = installation.settings(batch_records="1")
        worker = steps.BackfillSteps(lambda: postgres.connect(installation.dsn), settings)
        try:
            states.append(await worker.take(number))
        finally:
            worker.close()
    backfill = await connection.fetchrow("select * from backfills")
    assert backfill is not None
    assert (backfill["events_done"], backfill["events_total"]) == (6, 6)
    assert backfill["records_read"] == backfill["records_total"] == 9
    assert backfill["reaches_back"] == AT + timedelta(hours=4)
    assert (
        await connection.fetchval("select sum(count) from backfill_outcomes where outcome = 'applied'") == 6
    )
    assert set(await service.verdicts(connection)) == {"1", "3", "4", "5", "6", "7"}


@pytest.mark.usefixtures("run")
async def test_killed_while_it_reads(
    installation: Installation,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
    report_line: Callable[[str], None],
) -> None:
    """Wherever a worker is cut or killed while it reads, each record is read, and each event counted, once."""
    monkeypatch.setattr(steps, "_AT_ONCE", 3)
    await _process(installation, *(_seen(str(hours), hours) for hours in range(5)))
    await installation.apply(document(definitions=[_SEEN]))
    account = await connection.fetchval("select id from accounts where key = 'acme'")

    async def end(cuts: Cuts) -> tuple[dict[str, object], dict[str, int]]:
        number = await requests.begin_from_topics(
            connection, "acme", account, since=AT.replace(hour=0), types=None, with_xp=True, by="mia"
        )
        cuts.armed = True
        while True:
            connect = partial(cuts.connect, installation.dsn)
            worker = steps.BackfillSteps(connect, installation.settings())
            try:
                if await worker.take(number) == "done":
                    break
            except WorkerDied:
                cuts = Cuts()
            except steps.NotOurTurnError:
                pass
            finally:
                worker.close()
        row = await connection.fetchrow(
            "select state, records_read, records_total, events_done, events_total from backfills where id = $1",
            number,
        )
        outcomes = await connection.fetch(
            "select outcome, count from backfill_outcomes where backfill_id = $1", number
        )
        assert row is not None
        return dict(row), {each["outcome"]: each["count"] for each in outcomes}

    counting = Cuts()
    first = await end(counting)
    assert first[0] == {
        "state": "done",
        "records_read": 7,
        "records_total": 7,
        "events_done": 5,
        "events_total": 5,
    }
    assert first[1] == {Outcome.APPLIED: 5}
    reading = [place for place, name in enumerate(counting.awaits, 1) if _READING.search(name)]
    assert len(reading) >= 3, counting.awaits
    again = first[0], {Outcome.DUPLICATE: 5}
    # What surrounds them in their transactions, begin and commit.
    awaits = sorted({place + beside for place in reading for beside in (-1, 0, 1)})
    for at, lost in itertools.product(awaits, (False, True)):
        where = f"{'the answer lost of' if lost else 'killed before'} {counting.awaits[at - 1]!r}"
        assert await end(Cuts(frozenset({at}), after=lost, fatal=not lost)) == again, where
    report_line(f"cut points of reading topics again: {len(awaits)} awaits × 2 (killed before, answer lost)")


@pytest.mark.usefixtures("run")
async def test_a_running_worker_looks_for_it(installation: Installation, connection: Connection) -> None:
    """A worker that ingests begins with a requested backfill within seconds, beside its lanes."""
    await _process(installation, _seen("a", 0))
    await installation.apply(document(definitions=[_SEEN]))
    account = await connection.fetchval("select id from accounts where key = 'acme'")
    since = AT.replace(hour=0)
    async with working(installation):
        number = await requests.begin_from_topics(
            connection, "acme", account, since=since, types=None, with_xp=True, by="mia"
        )
        ended = "select ended_at from backfills where id = $1"
        await eventually(lambda: connection.fetchval(ended, number), within=20, what="the backfill to end")
    assert await service.verdicts(connection) == {"a": "counted"}


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--account", "acme"),
        ("--since", "30d"),
        ("--account", "acme", "--since", "soon"),
        ("--account", "acme", "--since", "30d", "--types", "a,,b"),
        ("--account", "acme", "--since", "30d", "file"),
    ],
)
async def test_wrong_usage(run: Run, words: tuple[str, ...]) -> None:
    """Account and age are needed, and no files may be named: it ends with 2."""
    with pytest.raises(SystemExit) as ended:
        await run(*words)
    assert ended.value.code == 2


async def test_an_unknown_account(run: Run) -> None:
    """An account that does not exist is refused before anything is read."""
    assert await run("--account", "nobody", "--since", "30d") == (
        1,
        [],
        ["engagement backfill: there is no account 'nobody'"],
    )
