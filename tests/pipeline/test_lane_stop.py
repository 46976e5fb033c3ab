"""The rule on dead records: counted by the record, kept with the position, the same for whatever killed them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as some

from consumer.domain.model import DeadLetter, Event, Record
from consumer.ingest.batch import DecodedRecord
from consumer.ingest.skip_processed import skip_processed
from consumer.lanes.positions import Lane, read
from schemas.vocabulary import DeadLetterReason
from tests.builders.catalog_documents import document
from tests.builders.events import event
from tests.pipeline import service
from tests.pipeline.connection_cuts import Cuts, WorkerDied
from tests.pipeline.rejecting_trigger import mark, refuse_marked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.infra.postgres.connection import Connection
    from tests.oracle import OracleRecord

_KEY = ("deals", 0)
# What a record was: None an event, else dead, naming this account, '' naming none.
Kinds = list[str | None]

_runs = some.lists(
    some.tuples(some.sampled_from([None, None, "", "acme", "acme", "birch"]), some.integers(1, 120)),
    max_size=12,
).map(lambda runs: [kind for kind, length in runs for _ in range(length)])
_mixed = some.lists(some.sampled_from([None, "", "acme"]), min_size=150, max_size=400)


def _stops_behind(kinds: Sequence[str | None]) -> int | None:
    """Count from scratch after each record, as semantics §2 says it, how many go before a lane stops."""
    for count in range(1, len(kinds) + 1):
        dead = [kind for kind in kinds[max(0, count - 200) : count] if kind is not None]
        if len(dead) >= 100 and ("" in dead or len(set(dead)) > 1):
            return count
    return None


@given(_runs | _mixed, some.integers(1, 50))
def test_a_lane_stops_where_a_recount_says_so(kinds: Kinds, batch: int) -> None:
    """Whatever comes in batches of any size, a lane stops after the very record that a recount names."""
    lane = Lane("deals", 0, epoch=1, next_offset=0)
    records = [
        DecodedRecord(Record("deals", 0, number, number, None, b""), _GOOD if kind is None else _dead(kind))
        for number, kind in enumerate(kinds)
    ]
    taken = 0
    while taken < len(records) and not lane.stopped:
        due_now = skip_processed(records[taken : taken + batch], {_KEY: lane})
        lane = due_now.lanes[_KEY]
        taken += len(due_now.records)
        assert (lane.next_offset, lane.seen, lane.last_timestamp) == (taken, taken, taken - 1)
        assert len(lane.recent_dead) <= 200
    hypothesis.event("stops" if lane.stopped else "goes on")
    assert (taken if lane.stopped else None) == _stops_behind(kinds)


def _dead(account: str) -> DeadLetter:
    return DeadLetter(DeadLetterReason.NOT_JSON, "broken", account or None)


_GOOD = Event("acme", b"", "1", "/crm", "deal.won", "ann", 0, False, None, None, None, False, "{}", 0)


def _event(number: int, *, account: str = "acme", refused: bool = False, dead: bool = False) -> OracleRecord:
    return event(
        f"e{number}",
        subject=None if dead else "ann",
        objectid=mark("22003") if refused else None,
        accountid=account,
    )


async def test_those_refused_by_the_database_count(database: str, connection: Connection) -> None:
    """Of 130 events of two accounts all of which the database refuses the lane stops after the hundredth."""
    await refuse_marked(connection)
    async with service.running(database) as worker:
        await worker.apply(document())
        await worker.apply(document("birch"))
        events = [_event(n, account="birch" if n % 10 == 0 else "acme", refused=True) for n in range(130)]
        assert await worker.batch([*events, _event(1000)]) == ["dead refused_by_database"] * 100
        lane = (await read(connection, [_KEY]))[_KEY]
        assert (lane.next_offset, lane.stopped) == (100, "dead_letters")
        assert worker.lanes[_KEY].recent_dead == lane.recent_dead
    assert await connection.fetchval("select count(*) from dead_letters") == 100
    assert await service.entries(connection) == {}


async def test_those_refused_of_one_account_stop_nothing(database: str, connection: Connection) -> None:
    """Where all that the database refuses is of one account, its lane goes on, and the others' events with it."""
    await refuse_marked(connection)
    async with service.running(database) as worker:
        await worker.apply(document())
        outcomes = await worker.batch([*(_event(n, refused=True) for n in range(120)), _event(1000)])
    assert outcomes == ["dead refused_by_database"] * 120 + ["applied"]
    assert (await read(connection, [_KEY]))[_KEY].stopped is None


@pytest.mark.parametrize(
    "note",
    ['"\\ud83d"', "NaN", "[" * 100 + "]" * 100, "[" * 1500 + "]" * 1500],
    ids=["surrogate", "nan", "deep", "deeper-than-the-parser"],
)
async def test_those_that_no_parser_takes_stop_nothing_alone(
    note: str, database: str, connection: Connection
) -> None:
    """150 records of one account that no parser takes stop nothing; one more of another account stops the lane."""
    async with service.running(database) as worker:
        await worker.apply(document())
        broken = [replace(_event(n), data=f'{{"note": {note}}}') for n in range(150)]
        outcomes = await worker.batch([*broken, _event(1000)])
        assert (set(outcomes[:150]), outcomes[150:]) == ({outcomes[0]}, ["applied"])
        assert outcomes[0].startswith("dead ")
        assert (await read(connection, [_KEY]))[_KEY].stopped is None
        await worker.batch([replace(broken[0], accountid="birch")])
    assert (await read(connection, [_KEY]))[_KEY].stopped == "dead_letters"
    letters = await connection.fetch("select account_key, count(*) as letters from dead_letters group by 1")
    assert {row["account_key"]: row["letters"] for row in letters} == {"acme": 150, "birch": 1}


async def test_tombstones_stop_nothing(database: str, connection: Connection) -> None:
    """A lane of 250 tombstones goes on without a dead letter; among dead records they count as records."""
    async with service.running(database) as worker:
        await worker.apply(document())
        tombstones = [replace(_event(n), tombstone=True) for n in range(250)]
        assert await worker.batch([*tombstones, _event(1000)]) == ["tombstone"] * 250 + ["applied"]
        assert await connection.fetchval("select count(*) from dead_letters") == 0
        nameless = replace(_event(0, dead=True), accountid=None)
        mixed = [each for one in tombstones[:99] for each in (nameless, one)]
        outcomes = await worker.batch([*mixed, *tombstones[:3], *[nameless] * 2])
        assert Counter(outcomes) == {"dead attribute_missing": 101, "tombstone": 102}
        assert (await read(connection, [_KEY]))[_KEY].stopped is None
        await worker.batch([nameless])
    assert (await read(connection, [_KEY]))[_KEY].stopped == "dead_letters"


@pytest.mark.parametrize("after", [False, True])
async def test_a_lane_stops_with_its_position_or_not_at_all(
    after: bool, database: str, connection: Connection
) -> None:
    """A stop is committed with the batch that earned it: if the COMMIT had its effect it holds, else not."""
    cuts = Cuts(frozenset({"commit"}), after, fatal=True)
    async with service.running(database, connect=lambda: cuts.connect(database)) as worker:
        await worker.apply(document())
        nameless = [replace(_event(n, dead=True), accountid=None) for n in range(100)]
        await worker.batch(nameless[:99])
        records = worker.feed.records([*nameless[99:], _event(1000)])
        cuts.armed = True
        with pytest.raises(WorkerDied):
            await worker.process(records)
    lane = (await read(connection, [_KEY]))[_KEY]
    assert (lane.next_offset, lane.stopped) == ((100, "dead_letters") if after else (99, None))

    async with service.running(database) as successor:
        handled = await successor.process(records)
    assert [service.outcome_of(one) for one in handled] == ([] if after else ["dead attribute_missing"])
    lane = (await read(connection, [_KEY]))[_KEY]
    assert (lane.next_offset, lane.stopped) == (100, "dead_letters")
    assert await connection.fetchval("select count(*) from dead_letters") == 100
    assert await service.entries(connection) == {}


async def test_a_lane_stopped_from_outside_is_left_at_once(database: str, connection: Connection) -> None:
    """Nothing more is taken of a lane that was stopped in the database meanwhile; it stays at its position."""
    async with service.running(database) as worker:
        await worker.apply(document())
        assert await worker.batch([_event(1)]) == ["applied"]
        await connection.execute("update lanes set stopped = 'paused'")
        assert await worker.batch([_event(2)]) == []
        assert worker.lanes[_KEY].stopped == "paused"
    lane = (await read(connection, [_KEY]))[_KEY]
    assert (lane.next_offset, lane.stopped) == (1, "paused")
    assert len(await service.entries(connection)) == 1
