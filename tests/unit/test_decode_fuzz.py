"""Decoding whatever comes: as the oracle reads it, as a second parser takes it, never raising, never slow."""

from __future__ import annotations

import gc
import json
import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import example as explicit
from hypothesis import given
from hypothesis import strategies as st

from consumer.domain import cloudevents
from consumer.domain.decode import decode
from consumer.domain.model import DeadLetter, Event, Record, Tombstone
from schemas.vocabulary import DeadLetterReason
from tests.builders.kafka_records import binary_record, structured_record
from tests.golden_examples import Example, load_examples
from tests.oracle import NULL, OracleRecord
from tests.oracle import decode as oracle

GOOD = load_examples("good")
STRUCTURED = (("content-type", b"application/cloudevents+json"),)
EVENT = {
    "specversion": "1.0",
    "id": "evt-1",
    "source": "/crm",
    "type": "deal.won",
    "subject": "ann",
    "time": "2026-03-02T10:00:00Z",
    "accountid": "acme",
}
BINARY = tuple((f"ce_{name}", value.encode()) for name, value in EVENT.items())


def _record(
    value: bytes | None, headers: Any = STRUCTURED, timestamp: int | None = 1_772_445_601_000
) -> Record:
    return Record("deals", 0, 0, timestamp, b"ann", value, headers)


def nested(end: str) -> str:
    """Return 1,500 lists around a text with brackets, with this end: more than a parser takes."""
    return "[" * 1500 + '"]\\"]"' + end


# --- against the oracle -----------------------------------------------------------------------------------

TEXT = st.one_of(st.sampled_from(["", "a", "\x00", "\x85", "x" * 256, "x" * 257, "\u2028", "😀"]), st.text())
TIMES = st.one_of(
    st.timedeltas(timedelta(days=-9, minutes=-1), timedelta(hours=2)).map(
        lambda ago: (datetime(2026, 3, 2, 10, tzinfo=UTC) + ago).isoformat()
    ),
    st.sampled_from(["2199-12-31T23:59:59.999999Z", "2200-01-01T00:00:00Z", "2200-01-01T00:30:00+01:00"]),
    st.from_regex(
        r"\A(1999|2000|2026|2199|2200|0000|9999)-[01][0-9]-[0-3][0-9][Tt ][0-2][0-9]:[0-6][0-9]:[0-6][0-9]"
        r"(\.[0-9]{1,9})?(Z|z|[+-][0-2][0-9]:[0-6][0-9])\Z"
    ),
)
RECORDS = st.builds(
    OracleRecord,
    id=TEXT,
    source=st.one_of(st.just("/crm"), TEXT, st.none()),
    type=st.sampled_from(["deal.won", "track.page", "message.sent", "a\x7f"]),
    subject=st.one_of(st.just("ann"), TEXT),
    time=st.one_of(st.none(), TIMES),
    accountid=st.sampled_from(["acme", "acme", "a" * 65, ""]),
    actorid=st.one_of(st.none(), st.just("rep-1"), TEXT),
    actortype=st.one_of(st.none(), st.sampled_from(["rep", "REP", ""])),
    robot=st.sampled_from([None, True, False, "True", "yes"]),
    data=st.sampled_from(
        [
            *(None, "null", "{}", '{"amount": 5}', '{"amount": "5"}', "[]", '{"a": NaN}', "[-Infinity]", "{"),
            *('{"a": "\\ud800"}', '{"\\uDC00": "\\\\ud800 \\" \\ud83d\\ude00"}', '{"a": "\\ud83d\\u0041"}'),
            *(nested("]" * 1500), nested("]" * 1499), nested("]" * 1499 + "}")),
        ]
    ),
    timestamp=st.sampled_from(
        [
            *(None, datetime(2026, 3, 2, 10, tzinfo=UTC), datetime(1980, 1, 1, tzinfo=UTC)),
            *(datetime(2199, 12, 31, 23, 30, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)),
        ]
    ),
    specversion=st.sampled_from(["1.0"] * 6 + ["2.0", NULL, None]),
)


@given(record=RECORDS, binary=st.booleans())
def test_decode_agrees_with_the_oracle(record: OracleRecord, binary: bool):
    """Decoding gives what the plainest reading of the contract gives: an event, or a reason and an account."""
    got = decode((binary_record if binary else structured_record)(record, "deals", 0, 0))
    try:
        expected = oracle.read(record, binary=binary)
    except oracle.Dead as dead:
        assert isinstance(got, DeadLetter)
        assert got.reason == dead.args[0]  # noqa: PT017 - the oracle may also not raise
        assert got.account == oracle.named_account(record, binary=binary)
        return
    assert isinstance(got, Event), got
    assert (got.account, got.key, got.type, got.subject) == (
        *(expected.account, expected.key, expected.type, expected.subject),
    )
    assert (got.occurred_at, got.settled, got.actor_id, got.actor_type, got.robot, got.data) == (
        *(expected.occurred_at, expected.settled, expected.actor, expected.actor_type),
        *(expected.robot, expected.data_text),
    )


# --- whatever comes ---------------------------------------------------------------------------------------

LONG_OR_ENCODED = {
    example.name for example in GOOD if re.search("times|pad_|data_base64", str(example.spec)) is not None
}
MUTATIONS = [b"{", b"}", b"[", b'"', b",", b":", b"\\ud800", b"\\", b"\xff", b"\x00", b"1", b"null", b"-"]


@given(
    value=st.one_of(st.none(), st.binary()),
    headers=st.lists(
        st.tuples(
            st.one_of(st.sampled_from([name for name, _ in BINARY]), st.text(st.characters())),
            st.one_of(st.none(), st.binary(), st.sampled_from([b"1.0", b"application/cloudevents+json"])),
        )
    ),
    timestamp=st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
)
@explicit(value=b"[" * 200_000, headers=list(STRUCTURED), timestamp=1)
@explicit(value=b'{"a":' * 40_000, headers=list(BINARY), timestamp=1)
@explicit(value=b'"' + b"\\" * 200_000, headers=list(STRUCTURED), timestamp=1)
@explicit(value=b"-" + b"9" * 200_000, headers=list(BINARY), timestamp=1)
@explicit(value=b"{}", headers=[("\udc80", b""), *BINARY], timestamp=2**63 - 1)
def test_decode_never_raises(value: bytes | None, headers: Any, timestamp: int | None):
    """Whatever bytes, headers and timestamp come, the answer is an event, a tombstone or a dead letter."""
    assert isinstance(decode(_record(value, tuple(headers), timestamp)), Event | Tombstone | DeadLetter)


@given(
    example=st.sampled_from([example for example in GOOD if example.name not in LONG_OR_ENCODED]),
    place=st.floats(0, 1),
    cut=st.integers(0, 6),
    put=st.sampled_from([b"", *MUTATIONS]),
)
def test_decode_takes_mutated_examples_as_json_does(example: Example, place: float, cut: int, put: bytes):
    """A good example with some bytes put, cut or changed never raises, and is dead where it is not JSON.

    The reason is `not_json`, or `not_cloudevent` where its `specversion` was changed and can still be read.
    """
    record = example.record()
    value = record.value or b""
    at = int(place * len(value))
    mutated = msgspec.structs.replace(record, value=value[:at] + put + value[at + cut :])
    result = decode(mutated)
    not_json = isinstance(result, DeadLetter) and result.reason is DeadLetterReason.NOT_JSON
    if isinstance(result, DeadLetter) and result.reason is DeadLetterReason.NOT_CLOUDEVENT:
        assert b'"specversion": "1.0"' not in (mutated.value or b"")
    elif mutated.value:
        assert not_json == (not _is_json(mutated.value))
    else:  # no value at all is no `data` in binary mode, and no envelope in structured mode
        assert not_json == (example.spec.get("mode") != "binary")


JSON_PARTS = [
    *(b"{", b"}", b"[", b"]", b'"', b",", b":", b"\\ud800", b"\\udc00", b"\\uD83D", b"\\uDE00", b"a", b"\\"),
    *(
        b"0",
        b"1",
        b"-",
        b".",
        b"e",
        b"+",
        b"NaN",
        b"Infinity",
        b"null",
        b"true",
        b" ",
        b"\n",
        b"\x0b",
        b"\x00",
    ),
    *(b"\x7f", b"\xc3\xa9", b"\\u0000", b'"k":', b'"s"', b"\xff", b"nul", b"\\u00", b"\xef\xbb\xbf"),
]


@given(
    st.lists(st.sampled_from(JSON_PARTS), max_size=8).map(b"".join), st.sampled_from([b"@", b'"@"', b"[@]"])
)
def test_decode_knows_json_as_a_second_parser_does(part: bytes, around: bytes):
    """What counts as JSON, in what is skipped too, is what Python's parser takes without its liberties."""
    value = around.replace(b"@", part)
    envelope = b'{"specversion": "1.0", "note": ' + value + b', "data": {"a": ' + value + b"}}"
    parsed = cloudevents.unwrap(dict(STRUCTURED), envelope)
    assert (
        parsed.reason is not DeadLetterReason.NOT_JSON if isinstance(parsed, DeadLetter) else True
    ) == _is_json(envelope)


def _is_json(value: bytes) -> bool:
    """Whether Python's parser takes it, with its liberties taken away."""

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    def encodable(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        json.dumps(pairs, ensure_ascii=False).encode()
        return dict(pairs)

    try:
        text = value.decode()
        parsed = json.loads(
            text, parse_constant=refuse, parse_int=str, parse_float=str, object_pairs_hook=encodable
        )
        json.dumps(parsed, ensure_ascii=False).encode()
    except ValueError:
        return False
    return True


# --- cost -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        b"[" * 262_144,
        b'{"data":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        json.dumps(EVENT | {"data": {"a": [[]] * 60_000}}).encode(),
        json.dumps(EVENT | {"data": {"a": '["' * 60_000}}).encode(),
        json.dumps(EVENT).encode()[:-1] + b', "data": {"amount": ' + b"7" * 200_000 + b"}}",
        json.dumps(EVENT).encode()[:-1]
        + b', "data": {"a": ['
        + b"7" * 4300
        + (b"," + b"7" * 4300) * 50
        + b"]}}",
        json.dumps(EVENT | {"time": "2026-03-02T10:00:00." + "0" * 200_000 + "Z"}).encode(),
        json.dumps(EVENT | {"id": "x" * 200_000}).encode(),
        json.dumps(EVENT).encode()[:-1] + b', "data": ' + b"[" * 130_900 + b"]" * 130_900 + b"}",
        json.dumps(EVENT).encode()[:-1] + b', "note": "' + b"\\ud800" * 43_600 + b'"}',
        json.dumps(EVENT).encode()[:-1] + b', "note": NaN, ' + b'\\"' * 130_900,
    ],
    ids=[
        "brackets",
        "deep-data",
        "many-lists",
        "brackets-in-text",
        "huge",
        "many-huge",
        "fraction",
        "long-id",
        "deep-and-closed",
        "lone-surrogates",
        "unended-string",
    ],
)
def test_decode_has_no_input_that_costs_too_much(value: bytes):
    """The worst of 262,144 bytes costs less than half a second, most of that for a busy machine."""
    gc.disable()  # a collection of what all tests before this one have left takes half a second by itself
    try:
        began = time.process_time()
        decode(_record(value))
        took = time.process_time() - began
    finally:
        gc.enable()
    assert took < 0.5
