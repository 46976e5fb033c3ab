"""That the oracle reads records as semantics §2 means them, beyond what the vectors show.

Owns the proof of the oracle's outcomes. Never touches the product.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.builders.events import event
from tests.oracle import NULL, Oracle, OracleRecord, event_key, parse_time

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
_THE_END = datetime(2200, 1, 1, tzinfo=UTC)


def catalog(**changes: Any) -> dict[str, Any]:
    """Make an account with one definition `won`, which takes `deal.won` always."""
    definition = {"key": "won", "group": "deals", "default_points": 10, "events": ["deal.won"]}
    return {"account": "acme", "groups": [{"key": "deals"}], "definitions": [definition], **changes}


def record(id_: str = "a", **attributes: Any) -> OracleRecord:
    """Make a record that is a good event unless its attributes say otherwise."""
    return event(id_, **{"timestamp": NOON, **attributes})


def outcome(oracle_record: OracleRecord) -> str:
    oracle = Oracle()
    oracle.apply(catalog())
    (only,) = oracle.batch([oracle_record])
    return only


def test_the_event_key() -> None:
    """The event key of the contract's example is the contract's."""
    assert event_key("/crm", "evt-1").hex() == "b67dc4a1b762c5715d3d9d9d9ed62895"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-02T10:00:00Z", "2026-03-02T10:00:00+00:00"),
        ("2026-03-02t10:00:00.5z", "2026-03-02T10:00:00.500000+00:00"),
        ("2026-03-02 10:00:00.1234569+01:30", "2026-03-02T08:30:00.123456+00:00"),
        ("2026-03-02T23:59:60-00:00", "2026-03-03T00:00:00+00:00"),
        ("2024-02-29T00:00:00-23:59", "2024-02-29T23:59:00+00:00"),
        ("2026-02-29T00:00:00Z", None),
        ("2026-03-02T24:00:00Z", None),
        ("2026-03-02T10:00:61Z", None),
        ("2026-03-02T10:00:00+24:00", None),
        ("2026-03-02T10:00:00,5Z", None),
        ("2026-03-02T10:00:00.Z", None),
        ("2026-03-02T10:00Z", None),
        ("2026-03-02T10:00:00Z\n", None),
        ("२०२६-03-02T10:00:00Z", None),
        (1772445600, None),
    ],
)
def test_time(text: Any, expected: str | None) -> None:
    """`time` is RFC 3339 with the listed freedoms, cut to the microsecond in UTC, and nothing else."""
    assert parse_time(text) == (expected and datetime.fromisoformat(expected))


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, "applied"),
        ({"id": None}, "dead attribute_missing"),
        ({"accountid": NULL}, "dead attribute_missing"),
        ({"id": 5}, "dead attribute_malformed"),
        ({"id": "\x85"}, "dead attribute_malformed"),
        ({"subject": "x" * 256}, "applied"),
        ({"subject": "x" * 257}, "dead attribute_malformed"),
        ({"accountid": "a b"}, "dead attribute_malformed"),
        ({"actorid": ""}, "dead attribute_malformed"),
        ({"actortype": 5, "robot": 1}, "applied"),
        ({"subject": "\ud800"}, "dead not_json"),
        ({"timestamp": None}, "dead time_out_of_bounds"),
        ({"time": "0000-01-01T00:00:00Z"}, "dead time_out_of_bounds"),
        ({"time": "9999-12-31T23:59:60Z"}, "dead time_out_of_bounds"),
        ({"time": "2000-01-01T00:00:00Z"}, "applied"),
        ({"time": "2199-12-31T23:59:59.999999Z", "timestamp": _THE_END}, "applied"),
        ({"time": "2200-01-01T00:00:00Z", "timestamp": _THE_END}, "dead time_out_of_bounds"),
        ({"timestamp": _THE_END}, "dead time_out_of_bounds"),
        ({"time": "2026-03-02T13:00:00Z"}, "applied"),
        ({"data": '{"amount": NaN}'}, "dead not_json"),
        ({"data": '{"x": "\\ud800"}'}, "dead not_json"),
        ({"data": '{"x": "\\ud83d\\ude00", "y": "\\u0000", "z": 1e999999999999999999999}'}, "applied"),
        ({"data": "{", "id": None}, "dead not_json"),
        ({"data": '{"x": ' + "[" * 63 + "]" * 63 + "}"}, "applied"),
        ({"data": '{"x": ' + "[" * 64 + "]" * 64 + "}"}, "dead too_deep"),
        ({"data": "[" * 5000 + "]" * 5000}, "dead too_deep"),
        ({"data": "null"}, "applied"),
        ({"data": "5"}, "dead data_not_object"),
        ({"data": '{"amount": true}'}, "dead data_invalid"),
        ({"data": '{"stage": "\\u0000"}'}, "dead data_invalid"),
        ({"data": '{"amount": 12345678901234567890123456789012345678}'}, "applied"),
        ({"data": '{"amount": 1234567890123456789012345678901234567.89}'}, "dead data_invalid"),
        ({"data": '{"amount": 1e37}'}, "applied"),
        ({"data": '{"amount": 1e38}'}, "dead data_invalid"),
        ({"type": "message.sent", "data": '{"text_length": 6.5}'}, "dead data_invalid"),
        ({"type": "message.sent", "data": '{"text_length": 60.0}'}, "unmatched"),
        ({"type": "message.other", "data": '{"text_length": "x"}'}, "unmatched"),
        ({"type": "order.placed", "data": '{"products": ["a", 5]}'}, "dead data_invalid"),
        ({"type": "followup.missed", "data": '{"due_at": "tomorrow"}'}, "dead data_invalid"),
        ({"type": "contact.merged", "data": '{"into": ""}'}, "dead data_invalid"),
        ({"type": "contact.merged", "data": '{"into": null}'}, "contact"),
        ({"type": "contact.deleted"}, "contact"),
        ({"accountid": "nobody", "data": "[]"}, "dead data_not_object"),
        ({"accountid": "nobody"}, "unknown_account"),
    ],
)
def test_outcome_of_one_record(attributes: dict[str, Any], expected: str) -> None:
    """A record has exactly one outcome, the first that applies, and of several faults the first is named."""
    assert outcome(record(**attributes)) == expected


def test_a_module_that_is_off() -> None:
    """Where the engagement module is off a record has no effect, wherever it would have had one."""
    oracle = Oracle()
    oracle.apply(catalog(engagement=False))

    assert oracle.batch([record(), record(type="contact.upserted")]) == ["disabled", "disabled"]
    assert (oracle.entries, oracle.contacts) == ({}, {})


def test_duplicates_within_a_batch() -> None:
    """Of one key the first in the batch is taken; contents that differ are counted as a conflict."""
    oracle = Oracle()
    oracle.apply(catalog())
    same: dict[str, Any] = {"time": "2026-03-02T10:00:00Z", "data": '{"amount": 1}'}

    outcomes = oracle.batch(
        [
            record(**same),
            record(**{**same, "time": "2026-03-02T11:00:00+01:00"}, actorid="r1"),
            record(**{**same, "time": None}),
            record(**{**same, "data": '{"amount": 2}'}),
            record(**same, subject="bob"),
        ]
    )

    assert outcomes == ["applied", "duplicate", "duplicate", "duplicate", "duplicate"]
    assert oracle.conflicting_duplicates == 3
    assert set(oracle.contacts) == {("acme", "ann")}


def test_expired_comes_after_duplicate() -> None:
    """What is older than the horizon is expired, unless it was applied before."""
    oracle = Oracle()
    oracle.apply(catalog())
    oracle.batch([record("a", time="2026-03-01T00:00:00Z")])
    oracle.set_horizon("acme", datetime(2026, 3, 2, tzinfo=UTC))

    assert oracle.batch(
        [
            record("a", time="2026-03-01T00:00:00Z"),
            record("b", time="2026-03-01T23:59:59.999999Z"),
            record("c", time="2026-03-02T00:00:00Z"),
        ]
    ) == ["duplicate", "expired", "applied"]


def test_the_inbox_counts_unmatched_types() -> None:
    """An unmatched type is counted with when it was first and last seen, by event time."""
    oracle = Oracle()
    oracle.apply(catalog())
    oracle.batch([record(type="x", time=f"2026-03-02T{hour:02}:00:00Z") for hour in (10, 8, 11, 10)])

    seen = oracle.inbox["acme", "x"]
    assert (seen.count, seen.first_seen.hour, seen.last_seen.hour) == (4, 8, 11)


def test_each_field_of_a_contact_is_the_latest() -> None:
    """Per field the latest by `time`, then event key, holds; absent or null leaves it."""
    oracle = Oracle()
    oracle.apply(catalog())

    def upsert(id_: str, hour: int, **data: Any) -> OracleRecord:
        time = f"2026-03-02T{hour:02}:00:00Z"
        return record(id_, type="contact.upserted", time=time, data=json.dumps(data))

    oracle.batch([upsert("a", 10, name="Ann", owner="r1"), upsert("b", 9, name="Anne", tags=["vip"])])
    oracle.batch([upsert("c", 11, name=None, owner="r2"), upsert("d", 8, name="", phone="5")])
    tied = sorted((event_key("/crm", id_), id_) for id_ in ("e", "f"))
    oracle.batch([upsert(id_, 12, url=id_) for _, id_ in reversed(tied)])
    oracle.batch([upsert(id_, 12, email=id_) for _, id_ in tied])

    assert oracle.contacts["acme", "ann"] == {
        "name": "Ann",
        "owner": "r2",
        "tags": ["vip"],
        "phone": "5",
        "url": tied[-1][1],
        "email": tied[-1][1],
    }
    assert oracle.scores["acme", "lead_score", "ann"] == {"overall": 0, "deals": 0}


def test_settled_begins_after_seven_days() -> None:
    """An event of exactly seven days before its record is ordinary, one a microsecond older is settled."""
    oracle = Oracle()
    oracle.apply(catalog())
    times = ("2026-02-23T12:00:00Z", "2026-02-23T11:59:59.999999Z")
    oracle.batch([record(time, time=time) for time in times])

    assert [entry.event.settled for entry in oracle.timeline] == [False, True]
