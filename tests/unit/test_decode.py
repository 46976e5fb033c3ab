"""Decoding: every golden example, what an event is, and what a dead letter says."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.domain.decode import decode
from consumer.domain.make_event import event_key
from consumer.domain.model import DeadLetter, Event, Record, Tombstone
from schemas.vocabulary import DeadLetterReason
from tests.builders.kafka_records import binary_record, structured_record
from tests.golden_examples import FOLDER, Example, load_examples
from tests.oracle import OracleRecord

GOOD = load_examples("good")
BAD = load_examples("bad")
STRUCTURED = (("content-type", b"application/cloudevents+json"),)
TIMESTAMP = 1_772_445_601_000  # 2026-03-02T10:00:01Z
_2200 = 7_258_118_400_000  # 2200-01-01T00:00:00Z
EVENT = {
    "specversion": "1.0",
    "id": "evt-1",
    "source": "/crm",
    "type": "deal.won",
    "subject": "ann",
    "time": "2026-03-02T10:00:00Z",
    "accountid": "acme",
    "data": {"amount": 5},
}


def _record(value: bytes | None, headers: Any = STRUCTURED, timestamp: int | None = TIMESTAMP) -> Record:
    return Record("deals", 0, 0, timestamp, b"ann", value, headers)


def _event(record: Record) -> Event:
    event = decode(record)
    assert isinstance(event, Event), event
    return event


def _dead(record: Record) -> DeadLetter:
    letter = decode(record)
    assert isinstance(letter, DeadLetter), letter
    return letter


# --- golden examples --------------------------------------------------------------------------------------


@pytest.mark.parametrize("example", BAD, ids=lambda example: example.name)
def test_decode_names_the_reason_of_every_bad_example(example: Example):
    """Each bad example is dead for the reason of its file, with a detail of one line."""
    letter = _dead(example.record())
    assert f"dead {letter.reason}" == example.expected
    assert letter.detail.isprintable()
    assert 0 < len(letter.detail) <= 200


@pytest.mark.parametrize("example", GOOD, ids=lambda example: example.name)
def test_decode_takes_every_good_example(example: Example):
    """Each good example is an event with the fields in its file."""
    found = _event(example.record())
    event = {**msgspec.structs.asdict(found), "occurred_at": found.occurred_at.isoformat()}
    assert {name: event[name] for name in example.event} == example.event


def test_decode_examples_are_complete():
    """Every reason but the database's and every topic have three examples or more, and no name comes twice."""
    reasons = [reason for reason in DeadLetterReason if reason is not DeadLetterReason.REFUSED_BY_DATABASE]
    assert {path.stem for path in (FOLDER / "bad").iterdir()} == set(reasons)
    for reason in reasons:
        assert sum(example.expected == f"dead {reason}" for example in BAD) >= 3
    for path in (FOLDER / "good").iterdir():
        assert sum(example.topic == path.stem for example in GOOD) >= 3
    names = [example.name for example in GOOD + BAD]
    assert len(set(names)) == len(names)


# --- what an event is -------------------------------------------------------------------------------------


def test_decode_computes_the_event_key_of_the_contract():
    """The event key of (`/crm`, `evt-1`) is the one that the contract prints."""
    assert event_key("/crm", "evt-1").hex() == "b67dc4a1b762c5715d3d9d9d9ed62895"
    assert _event(_record(json.dumps(EVENT).encode())).key == event_key("/crm", "evt-1")


def test_decode_gives_the_same_event_in_both_modes():
    """One event in structured and in binary mode decodes to the same event, digest included."""
    record = OracleRecord(
        id="evt-1",
        source="/crm",
        type="deal.won",
        subject="änn",
        time="2026-03-02T10:00:00Z",
        accountid="acme",
        actorid="rep-1",
        actortype="rep",
        objectid="deal-1",
        robot=True,
        data='{"amount":  5.0, "note": "é\\u0000"}',
        timestamp=datetime(2026, 3, 2, 10, 0, 1, tzinfo=UTC),
    )
    structured = _event(structured_record(record, "deals", 0, 0))
    assert structured == _event(binary_record(record, "deals", 0, 0))
    assert structured == Event(
        account="acme",
        key=event_key("/crm", "evt-1"),
        id="evt-1",
        source="/crm",
        type="deal.won",
        subject="änn",
        occurred_us=1_772_445_600_000_000,
        settled=False,
        actor_id="rep-1",
        actor_type="rep",
        object_id="deal-1",
        robot=True,
        data='{"amount":  5.0, "note": "é\\u0000"}',
        digest=structured.digest,
    )


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ({"type": "deal.lost"}, True),
        ({"subject": "bob"}, True),
        ({"time": "2026-03-02T10:00:00.000001Z"}, True),
        ({"time": None}, True),
        ({"data": {"amount": 6}}, True),
        ({"data": None}, True),
        ({"time": "2026-03-02T11:00:00+01:00"}, False),
        ({"actorid": "rep-2", "objectid": "deal-2", "robot": True, "other": 5}, False),
    ],
)
def test_decode_digest_tells_contents_apart(change: dict[str, Any], differs: bool):
    """The digest differs where type, subject, time as an instant or data do, and only there."""
    event, other = (_event(_record(json.dumps(EVENT | extra).encode())) for extra in ({}, change))
    assert (event.digest != other.digest) == differs
    assert -(2**63) <= event.digest < 2**63


def test_decode_digest_does_not_depend_on_the_record_where_time_is_absent():
    """An event without `time` that is sent twice has other instants and the same digest."""
    value = json.dumps(EVENT | {"time": None}).encode()
    first, second = (_event(_record(value, timestamp=TIMESTAMP + later)) for later in (0, 1))
    assert first.digest == second.digest
    assert second.occurred_at - first.occurred_at == timedelta(milliseconds=1)


def test_decode_takes_an_account_of_64_characters():
    """An account has 1 to 64 letters, digits, _ and -."""
    name = "a" * 60 + "-_Z9"
    assert _event(_record(json.dumps(EVENT | {"accountid": name}).encode())).account == name


# --- tombstones -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [(), (("traceparent", b"00"),), (("content-type", b"application/json"),), (("x-ce_id", b"evt-1"),)],
)
@pytest.mark.parametrize("timestamp", [TIMESTAMP, None])
def test_decode_finds_tombstones(headers: Any, timestamp: int | None):
    """No value and no header that says CloudEvent make a tombstone, whatever else the record has."""
    assert decode(_record(None, headers, timestamp)) == Tombstone()
    large = Record("deals", 0, 0, timestamp, b"k" * 70_000, None, headers)
    assert decode(large) == Tombstone()


@pytest.mark.parametrize(
    ("value", "headers", "reason"),
    [
        (b"", (), DeadLetterReason.NOT_CLOUDEVENT),
        (b"null", (), DeadLetterReason.NOT_CLOUDEVENT),
        (None, STRUCTURED, DeadLetterReason.NOT_JSON),
        (None, (("Content-Type", b"application/cloudevents+avro"),), DeadLetterReason.NOT_CLOUDEVENT),
        (None, (("CE_ID", b"evt-1"),), DeadLetterReason.NOT_CLOUDEVENT),
        (None, (("ce_specversion", None),), DeadLetterReason.NOT_CLOUDEVENT),
        (None, (("ce_specversion", b"1.0"),), DeadLetterReason.ATTRIBUTE_MISSING),
    ],
)
def test_decode_takes_no_broken_event_for_a_tombstone(
    value: bytes | None, headers: Any, reason: DeadLetterReason
):
    """A value, even an empty one, or any header that says CloudEvent makes a record without an event dead."""
    assert _dead(_record(value, headers)).reason is reason


# --- the account of a dead letter -------------------------------------------------------------------------

BINARY = tuple((f"ce_{name}", str(value).encode()) for name, value in EVENT.items() if name != "data")


def _damaged(member: bytes) -> Record:
    """Return an event with one more member, whose JSON may be none."""
    return _record(json.dumps(EVENT).encode()[:-1] + b', "note": ' + member + b"}")


@pytest.mark.parametrize(
    ("record", "account"),
    [
        (_record(json.dumps(EVENT | {"id": ""}).encode()), "acme"),
        (_record(json.dumps(EVENT | {"specversion": "2.0"}).encode()), "acme"),
        (_record(json.dumps(EVENT | {"data": "x" * 300_000}).encode()), None),
        (_record(json.dumps(EVENT).encode(), (*STRUCTURED, ("x", b"x" * 70_000))), "acme"),
        (_record(b"x" * 300_000, BINARY), "acme"),
        (_record(b"{", BINARY), "acme"),
        (_record(b"{}", (*BINARY, ("ce_specversion", b"2.0"))), "acme"),
        (_record(b"{}", (*BINARY, ("ce_accountid", b"ac me"))), None),
        (_record(json.dumps(EVENT | {"accountid": "ac me"}).encode()), None),
        (_record(json.dumps(EVENT | {"accountid": 5}).encode()), None),
        (_record(b'{"accountid": "acme"'), None),
        (_record(json.dumps(EVENT).encode(), ()), None),
        (_record(b"{}", BINARY, None), "acme"),
        (_record(json.dumps(EVENT | {"data_base64": "%"}).encode()), "acme"),
        (_damaged(b'"\\ud83d"'), "acme"),
        (_damaged(b'{"a": ["\\ud83d\\u0041 \\\\ud800 \\ud83d\\ude00"]}'), "acme"),
        (_damaged(b'"\xed\xa0\xbd"'), "acme"),
        (_damaged(b'"\xe9"'), "acme"),
        (_damaged(b'[NaN, "NaN", -Infinity]'), "acme"),
        (_damaged(b"[" * 100 + b"]" * 100), "acme"),
        (_damaged(b"[" * 1500 + b"]" * 1500), "acme"),
        (_damaged(b'{"a":' * 1500 + b'"}\\"}"' + b"}" * 1500), "acme"),
        (_damaged(b'{"accountid": "birch", "a": ["\\ud83d"]}'), "acme"),
        (_damaged(b'"\\ud83d", "account\\u0069d": "birch"'), "birch"),
        (_damaged(b'"\\ud83d", "accountid": "ac\\ud83dme"'), None),
        (_damaged(b'"\\ud83d", "accountid": NaN'), None),
        (_damaged(b'"\\ud83d", "accountid": [["acme"]]'), None),
        (_damaged(b'"\\ud83d",'), None),
        (_damaged(b'"\\ud83d'), None),
        (_damaged(b"[" * 1500 + b"]" * 1499), None),
        (_damaged(b"[" * 1500 + b"]" * 1501), None),
        (_record(b"\xef\xbb\xbf" + json.dumps(EVENT).encode()), "acme"),
        (_record(b'["\\ud83d", {"accountid": "acme"}]'), None),
        (_record(b'{"a": "\\ud83d"}', BINARY), "acme"),
        (_record(b"[" * 1500 + b"]" * 1500, BINARY), "acme"),
    ],
)
def test_decode_names_the_account_that_can_be_read(record: Record, account: str | None):
    """A dead letter names the well-formed account that can be read under the record's mode, else none."""
    assert _dead(record).account == account


# --- the detail of a dead letter --------------------------------------------------------------------------

_STRUCTURED_TYPE = "'application/cloudevents+json'"
_OR_BINARY = "(structured) or a header ce_specversion (binary)"
_TEXT = "expected 1 to 256 characters, none of them a control character"
_TIME = "expected an RFC 3339 time such as '2026-03-02T10:00:00Z'"
_BOUNDS = "expected 2000-01-01 to one hour after the record's timestamp"


def _changed(**changes: Any) -> Record:
    return _record(json.dumps(EVENT | changes).encode())


def _bytes_of_binary(*headers: tuple[str, bytes | None], value: bytes = b"{}") -> Record:
    return _record(value, (*BINARY, *headers))


@pytest.mark.parametrize(
    ("record", "detail"),
    [
        (
            _record(b"{}", (("Content-Type", b"application/json"),)),
            f"content-type: found 'application/json', expected {_STRUCTURED_TYPE} {_OR_BINARY}",
        ),
        (
            _record(b"{}", ()),
            f"content-type: missing, expected {_STRUCTURED_TYPE} {_OR_BINARY}",
        ),
        (
            _record(b"{}", (("content-type", b"application/cloudevents+avro\xff\n" + b"x" * 70),)),
            f"content-type: found 'application/cloudevents+avro\\xff\\n{'x' * 29}…', expected {_STRUCTURED_TYPE}",
        ),
        (_changed(specversion="0.3"), "specversion: found '0.3', expected '1.0'"),
        (_changed(specversion=None), "specversion: null, expected '1.0'"),
        (_changed(specversion=1.0), "specversion: found the number 1.0, expected '1.0'"),
        (_bytes_of_binary(("ce_specversion", b"1")), "specversion: found '1', expected '1.0'"),
        (_record(b"[]"), "value: found a list, expected a JSON object"),
        (_record(b""), "value: empty, expected a CloudEvent in JSON"),
        (_record(None), "value: missing, expected a CloudEvent in JSON"),
        (_record(b'{"a": 1'), "value: found 7 bytes that are not JSON (Input data was truncated)"),
        (
            _record(b"[1 2]"),
            "value: found 5 bytes that are not JSON (JSON is malformed: expected ',' or ']' (byte 3))",
        ),
        (_record(b'"\xff"'), "value: found invalid UTF-8 at byte 1, expected JSON"),
        (_changed(data_base64=5), "data_base64: found a number, expected base64"),
        (_changed(data_base64="e30"), "data_base64: found 3 characters that are not base64"),
        (_record(b"x" * 300_000), "value: found 300000 bytes, expected at most 262144"),
        (
            _bytes_of_binary(("x", b"x" * 70_000)),
            "key and headers: found 70115 bytes, expected at most 65536",
        ),
        (
            _changed(data=json.loads("[" * 65 + "]" * 65)),
            "value: found more than 64 nested objects and lists",
        ),
        (_changed(subject=None), "subject: null"),
        (
            _record(json.dumps({k: v for k, v in EVENT.items() if k != "subject"}).encode()),
            "subject: missing",
        ),
        (_bytes_of_binary(("ce_subject", None)), "subject: header ce_subject has no value"),
        (
            _record(b"{}", tuple(header for header in BINARY if header[0] != "ce_subject")),
            "subject: no header ce_subject",
        ),
        (_changed(subject=""), f"subject: empty, {_TEXT}"),
        (_changed(id=17), f"id: found a number, {_TEXT}"),
        (_changed(subject={"name": "Ann"}), f"subject: found an object, {_TEXT}"),
        (_changed(type="x" * 257), f"type: found 257 characters, {_TEXT}"),
        (_changed(objectid="ab\n"), f"objectid: found the control character U+000A at position 3, {_TEXT}"),
        (_bytes_of_binary(("ce_source", b"\xff")), f"source: found bytes that are not UTF-8, {_TEXT}"),
        (_changed(accountid="ac me"), "accountid: found 'ac me', expected 1 to 64 letters, digits, _ or -"),
        (
            _changed(accountid="x" * 65),
            f"accountid: found '{'x' * 63}…', expected 1 to 64 letters, digits, _ or -",
        ),
        (_changed(time="yesterday"), f"time: found 'yesterday', {_TIME}"),
        (_changed(time=1772445600), f"time: found the number 1772445600, {_TIME}"),
        (_changed(time=["2026"]), f"time: found a list, {_TIME}"),
        (_changed(time="1999-12-31T23:59:59Z"), f"time: found '1999-12-31T23:59:59Z', {_BOUNDS}"),
        (
            _record(json.dumps(EVENT | {"time": None}).encode(), timestamp=-1),
            "time: missing, and the record's timestamp -1 (milliseconds since 1970) is before 2000-01-01",
        ),
        (
            _record(json.dumps(EVENT | {"time": None}).encode(), timestamp=_2200),
            f"time: missing, and the record's timestamp {_2200} (milliseconds since 1970) is after 2199-12-31",
        ),
        (
            _record(json.dumps(EVENT | {"time": "2200-01-01T00:00:00Z"}).encode(), timestamp=_2200),
            "time: found '2200-01-01T00:00:00Z', expected 2000-01-01 to 2199-12-31",
        ),
        (_record(json.dumps(EVENT).encode(), timestamp=None), "timestamp: the record has none"),
        (_changed(data="{}"), "data: found a string, expected a JSON object"),
        (_changed(data={"amount": "5"}), "data.amount: found a string, expected a number"),
    ],
)
def test_decode_says_what_was_found_and_what_was_expected(record: Record, detail: str):
    """The detail names the field, what the record has there and what it should have."""
    assert _dead(record).detail == detail


def test_decode_describes_an_attribute_at_any_depth():
    """A detail is found where the envelope's decoder skips a depth that the one for details refuses."""
    for depth in range(900, 1100):
        for name in ("note", "specversion"):
            nested = "[" * depth + "]" * depth
            value = f'{{"specversion": "2.0", "{name}": {nested}}}'.encode()
            assert _dead(_record(value)).reason in {
                DeadLetterReason.NOT_CLOUDEVENT,
                DeadLetterReason.TOO_DEEP,
            }


def test_decode_shows_no_value_that_may_be_personal():
    """A detail shows values of specversion, content-type, accountid and time only, 64 characters at most."""
    for name in ("id", "source", "type", "subject", "actorid", "objectid", "data"):
        for secret in ("\x00secret", "secret" * 50, ["secret"], {"amount": "secret"}):
            letter = _dead(_record(json.dumps(EVENT | {"type": "deal.won", name: secret}).encode()))
            assert "secret" not in letter.detail


# --- the order of faults ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "member",
    [b'"\\ud800"', b'"\xff"', b"NaN", b"[" * 100 + b"]" * 100, b"[" * 1500 + b"]" * 1500],
    ids=["surrogate", "utf-8", "nan", "deep", "deeper-than-the-parser"],
)
def test_decode_reads_specversion_of_what_is_not_parsed(member: bytes):
    """`specversion` is judged first, also where another member is one that no parser takes."""
    record = _damaged(member + b', "specversion": "2.0"')
    assert _dead(record) == DeadLetter(
        DeadLetterReason.NOT_CLOUDEVENT, "specversion: found '2.0', expected '1.0'", "acme"
    )


FAULTS: dict[DeadLetterReason, dict[str, Any]] = {
    DeadLetterReason.NOT_CLOUDEVENT: {"specversion": "2.0"},
    DeadLetterReason.NOT_JSON: {"data_base64": "%"},
    DeadLetterReason.TOO_DEEP: {"note": json.loads("[" * 65 + "]" * 65)},
    DeadLetterReason.ATTRIBUTE_MISSING: {"subject": None},
    DeadLetterReason.ATTRIBUTE_MALFORMED: {"objectid": ""},
    DeadLetterReason.TIME_OUT_OF_BOUNDS: {"time": "1999-12-31T23:59:59Z"},
    DeadLetterReason.DATA_INVALID: {"data": {"amount": "5"}},
}


@given(st.sets(st.sampled_from(list(FAULTS)), min_size=1))
def test_decode_names_the_first_of_several_faults(reasons: set[DeadLetterReason]):
    """Of several faults of a record the first in the order of the reason list is named."""
    changes: dict[str, Any] = {}
    for reason in reasons:
        changes |= FAULTS[reason]
    letter = _dead(_record(json.dumps(EVENT | changes).encode()))
    assert letter.reason == min(reasons, key=list(DeadLetterReason).index)
