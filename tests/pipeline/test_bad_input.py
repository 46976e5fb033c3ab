"""What cannot be an event through the whole path: one outcome, kept byte for byte, and no neighbour feels it."""

from __future__ import annotations

import math
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from consumer.domain.decode import decode
from consumer.domain.model import Event, Record
from consumer.lanes.positions import read
from consumer.relay.outbox_messages import dead_letter_message
from tests.builders.catalog_documents import definition, document
from tests.builders.events import event
from tests.builders.kafka_records import structured_record
from tests.golden_examples import ATTRIBUTES, load_examples
from tests.pipeline import committed_rows, service
from tests.pipeline.connection_cuts import Cuts
from tests.pipeline.rejecting_trigger import mark, refuse_marked

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from consumer.infra.postgres.connection import Connection
    from consumer.ingest.batch import RecordOutcome
    from tests.oracle import OracleRecord

_AT = datetime(2026, 3, 2, 10, tzinfo=UTC)


def _good(identity: str, subject: str = "neighbour", **more: Any) -> OracleRecord:
    return event(identity, subject=subject, **more)


def _in_lane(records: Iterable[Record], topic: str = "deals", partition: int = 0) -> list[Record]:
    return [
        msgspec.structs.replace(record, topic=topic, partition=partition, offset=offset)
        for offset, record in enumerate(records)
    ]


def _taking(types: Iterable[str]) -> dict[str, Any]:
    """Return a document with a definition of each policy that takes all of these types."""
    kinds = sorted(types)
    return document(
        definitions=[
            definition("always", *kinds, xp=1_000_000, default_points=-1_000_000),
            definition("once", *kinds, dedup={"policy": "once", "per": "object"}),
            definition("cooldown", *kinds, dedup={"policy": "cooldown", "interval": "366d", "per": "object"}),
        ]
    )


def _letter(record: Record, reason: str, account: str | None) -> tuple[Any, ...]:
    position = (record.topic, record.partition, record.offset, record.timestamp)
    return (*position, record.key, record.value, record.headers, reason, account)


async def test_every_bad_example_dies_alone(database: str, connection: Connection) -> None:
    """Between good neighbours each golden bad example has its file's outcome, is kept, and does nothing else."""
    examples = load_examples("bad")
    neighbours = [_good(f"n{number}") for number in range(2 * len(examples))]
    good = [structured_record(event, "deals", 0, 0) for event in neighbours]
    bad = [example.record() for example in examples]
    records = _in_lane([each for three in zip(good[::2], bad, good[1::2], strict=True) for each in three])

    async with service.running(database) as worker:
        types = {example.spec.get("set", {}).get("type") for example in examples}
        well_formed = {kind for kind in types if isinstance(kind, str) and kind and kind.isprintable()}
        await worker.apply(_taking({"deal.won", ATTRIBUTES["type"], *well_formed}))
        handled = await worker.process(records)
        assert [one.record for one in handled] == records
        outcomes = [service.outcome_of(one) for one in handled]
        assert worker.inbox._counts == {}

    found = dict(zip((example.name for example in examples), outcomes[1::3], strict=True))
    assert found == {example.name: example.expected for example in examples}
    assert set(outcomes[::3] + outcomes[2::3]) == {"applied"}

    letters = await committed_rows.dead_letters(connection)
    expected = [
        _letter(record, example.expected.removeprefix("dead "), letter[-1])
        for record, example, letter in zip(records[1::3], examples, letters, strict=True)
    ]
    assert letters == expected
    assert {letter[-1] for letter in letters} == {None, "acme"}

    applied = await connection.fetch("select event_id, count(*) as entries from timeline group by 1")
    assert {row["event_id"]: row["entries"] for row in applied} == {event.id: 3 for event in neighbours}
    assert await connection.fetchval("select count(*) from claims") == len(neighbours)
    assert [tuple(row) for row in await connection.fetch("select external_id from contacts")] == [
        ("neighbour",)
    ]
    for table in ("contact_fields", "joins", "deletions", "inbox"):
        assert await connection.fetchval(f"select count(*) from {table}") == 0
    lane = (await read(connection, [("deals", 0)]))["deals", 0]
    assert (lane.next_offset, lane.stopped) == (len(records), None)


async def test_no_good_example_is_refused(database: str, connection: Connection) -> None:
    """What is within the limits, up to the last code point, moment and digit, is taken by the database too."""
    longest = "\U0001f600" * 256
    extremes = [
        _good(
            longest, longest, source=longest, type=longest, objectid=longest, actorid=longest, actortype="rep"
        ),
        _good("last", "last", timestamp=datetime(2199, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)),
        _good("merged", longest, type="contact.merged", data='{"into": "' + longest + '"}'),
        _good("named", longest, type="contact.upserted", data='{"name": "' + longest * 200 + '"}'),
    ]
    made = [example.record() for example in load_examples("good")]
    made += [structured_record(event, "deals", 0, 0) for event in extremes]
    events = [decode(record) for record in made]
    types = {event.type for event in events if isinstance(event, Event)}
    assert longest in types
    records = _in_lane(made)
    again = _in_lane([*made, *made])[len(made) :]

    async with service.running(database) as worker:
        await worker.apply(document(definitions=[]))
        assert {*(await _outcomes(worker, records))} == {"unmatched", "contact"}
        await worker.inbox.flush(connection)
        await worker.apply(_taking(types - {"contact.deleted"}))
        outcomes = await _outcomes(worker, again)
    deletions = sum(isinstance(event, Event) and event.type == "contact.deleted" for event in events)
    assert Counter(outcomes) == {"applied": len(made) - deletions, "contact": deletions}
    assert await connection.fetchval("select count(*) from dead_letters") == 0
    assert await connection.fetchval("select count(*) from timeline") == 3 * (len(made) - deletions)
    assert await connection.fetchval("select count(*) from inbox where type = $1", longest) == 1


async def _outcomes(worker: service.Service, records: Sequence[Record]) -> list[str]:
    return [service.outcome_of(one) for one in await worker.process(records)]


# Hostile, but not of the golden kind ----------------------------------------------------------------------

_names = some.text(max_size=8) | some.binary(max_size=8).map(lambda b: b.decode("utf-8", "surrogateescape"))
_values = some.none() | some.binary(max_size=40)
_hostile = some.builds(
    Record,
    topic=some.just("deals"),
    partition=some.just(0),
    offset=some.just(0),
    timestamp=some.none() | some.integers(0, 2**63 - 1),
    key=_values,
    value=_values
    | some.sampled_from([b"{}", b"\0", b'{"id": "\0"}', b'{"accountid": "acme\\u0000"}', b"null"]),
    headers=some.lists(
        some.tuples(
            _names
            | some.sampled_from(
                ["content-type", "ce_specversion", "ce_id", "ce_accountid", "\0", "ce_\udcff"]
            ),
            _values
            | some.sampled_from(
                [b"application/cloudevents+json", b"1.0", b"acme", b"acme\0", b"\xed\xa0\x80"]
            ),
        ),
        max_size=6,
    ).map(tuple),
)


async def test_no_dead_letter_refuses_itself(database: str, connection: Connection) -> None:
    """Whatever bytes a record holds, it has its outcome at once, comes back byte for byte and can be sent on."""
    drawn: list[Record] = []

    @settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(_hostile)
    def draw(record: Record) -> None:
        drawn.append(record)

    draw()
    cuts = Cuts(armed=True)
    async with service.running(database, connect=lambda: cuts.connect(database)) as worker:
        handled: list[RecordOutcome] = []
        for begin in range(0, len(drawn), 60):
            # A lane each, or these would stop theirs.
            partition = begin // 60
            await worker.take_lanes({("deals", partition): 0})
            handled += await worker.process(_in_lane(drawn[begin : begin + 60], partition=partition))
    assert len(handled) == len(drawn)
    assert Counter(cuts.awaits)["rollback"] == 0  # nothing was refused and divided
    dead = [one for one in handled if one.outcome == "dead"]
    letters = await committed_rows.dead_letters(connection)
    assert [letter[:8] for letter in letters] == [
        _letter(one.record, str(one.reason), None)[:8] for one in dead
    ]
    for row in await connection.fetch("select * from dead_letters"):
        message = dead_letter_message(row)
        assert (message.key, message.value) == (row["key"], row["value"])
        for name, value in message.headers:
            assert name.encode().decode() == name
            assert value is None or isinstance(value, bytes)


# Refused by the database ----------------------------------------------------------------------------------

SQLSTATES = ["22003", "22021", "22P05", "23505", "23514", "54000", "54001"]


@pytest.mark.parametrize("sqlstate", SQLSTATES)
async def test_a_refused_event_dies_alone(sqlstate: str, database: str, connection: Connection) -> None:
    """Of a batch of which the database refuses one event that one dies; the others keep effect and order."""
    await refuse_marked(connection)
    events = [_good(f"n{number}", f"c{number % 3}") for number in range(20)]
    events[7] = _good("offender", "nobody", objectid=mark(sqlstate))
    async with service.running(database) as worker:
        await worker.apply(document())
        records = worker.feed.records(events)
        handled = await worker.process(records)
    outcomes = [service.outcome_of(one) for one in handled]
    assert [one.record for one in handled] == records
    assert outcomes == ["applied"] * 7 + ["dead refused_by_database"] + ["applied"] * 12
    assert await committed_rows.dead_letters(connection) == [
        _letter(records[7], "refused_by_database", "acme")
    ]
    detail = await connection.fetchval("select detail from dead_letters")
    assert sqlstate in detail
    assert await connection.fetchval("select count(*) from contacts where external_id = 'nobody'") == 0
    assert await connection.fetchval("select count(*) from claims") == 19
    assert sum((await service.tallies(connection)).values()) == 19
    assert (await read(connection, [("deals", 0)]))["deals", 0].next_offset == 20


@pytest.mark.parametrize("offenders", [(0,), (0, 127), (3, 4, 5, 60, 61, 100), tuple(range(40, 60))])
async def test_several_refused_in_several_lanes(
    offenders: tuple[int, ...], database: str, connection: Connection
) -> None:
    """Offenders in each of four lanes die alone, lanes keep their order, and few transactions find them."""
    await refuse_marked(connection)
    cuts = Cuts()
    async with service.running(database, connect=lambda: cuts.connect(database)) as worker:
        await worker.apply(document())
        keys = [("deals", partition) for partition in range(4)]
        await worker.take_lanes(dict.fromkeys(keys, 0))
        records = []
        for number in range(128):
            refused = {"objectid": mark("22003")} if number in offenders else {}
            event = _good(f"n{number}", f"c{number % 4}", **refused)
            records.append(structured_record(event, "deals", number % 4, number // 4))
        cuts.armed = True
        handled = await worker.process(records)
        cuts.armed = False
    assert [one.record for one in handled] == records
    dead = {number for number, one in enumerate(handled) if one.outcome == "dead"}
    assert dead == set(offenders)
    assert {one.outcome for number, one in enumerate(handled) if number not in dead} == {"applied"}
    assert [letter[1:3] for letter in await committed_rows.dead_letters(connection)] == sorted(
        (number % 4, number // 4) for number in offenders
    )
    entries = await connection.fetch("select event_id from timeline")
    assert {row["event_id"] for row in entries} == {f"n{n}" for n in range(128) if n not in dead}
    lanes = await read(connection, keys)
    assert [lanes[key].next_offset for key in keys] == [32] * 4
    transactions = sum(statement.startswith("begin isolation") for statement in cuts.awaits)
    assert transactions <= 1 + len(offenders) * (2 * math.log2(128) + 1)


async def test_a_counter_that_runs_over_costs_one_event(database: str, connection: Connection) -> None:
    """An event that would carry a tally beyond what its column holds dies; other contacts do not notice."""
    async with service.running(database) as worker:
        await worker.apply(document())
        await worker.batch([_good("first", "full")])
        await connection.execute("update dedup_keys set count = 2147483647")
        outcomes = await worker.batch([_good("a"), _good("b", "full"), _good("c")])
    assert outcomes == ["applied", "dead refused_by_database", "applied"]
    assert await connection.fetchval("select count(*) from dedup_keys where count = 2147483647") == 1
