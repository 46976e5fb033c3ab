"""The two ways to decode: the quick one takes what is usual, and gives no other event than the careful one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.demo.traffic.scenario import scenario
from consumer.domain.decode import decode
from consumer.domain.decode_carefully import decode_carefully
from consumer.domain.decode_usual import decode_usual
from consumer.domain.model import Event, Record
from tests.builders import odd_records
from tests.golden_examples import Example, load_examples

if TYPE_CHECKING:
    from consumer.domain.model import DeadLetter, Tombstone

EXAMPLES = load_examples("good") + load_examples("bad")


def same(quick: Event | Tombstone | DeadLetter, careful: Event | Tombstone | DeadLetter) -> bool:
    """Compare all fields, types included: 1 is not True here."""
    return repr(quick) == repr(careful)


@pytest.mark.parametrize("mode", ["structured", "binary"])
@pytest.mark.parametrize("kind", odd_records.KINDS)
def test_the_quick_way_takes_usual_events_of_every_type(kind: str, mode: str):
    """An event of any type with usual values in all its fields never needs the careful way."""
    changed = {"id": "é😀", "type": kind, "traceparent": "00-4bf9-00f0-01"}
    attributes = [
        (f'"{name}"', json.dumps(value)) for name, value in (odd_records.ATTRIBUTES | changed).items()
    ]
    usual = [odd_records.USUAL[type_] for type_ in odd_records.fields(kind).values()]
    for choice in range(max(map(len, usual), default=1)):
        values = [json.loads(values[choice % len(values)]) for values in usual]
        fields = dict(zip(odd_records.fields(kind), values, strict=True))
        data = json.dumps(fields | {"other": {"a": [1.5]}}, ensure_ascii=choice % 2 == 0)
        if mode == "binary":
            record = odd_records.binary(attributes, data)
        else:
            record = odd_records.structured([*attributes, ('"data"', data)])
        event = decode_usual(record)
        assert event is not None, data
        assert same(event, decode_carefully(record))


def test_the_quick_way_takes_simulated_traffic():
    """Of the traffic of `simulate`, in both modes, the quick way takes every event."""
    stream = scenario(seed=1, begin=datetime(2026, 3, 1, 8, tzinfo=UTC), pace=60)
    for sent in islice(stream, 2000):
        record = Record(sent.topic, 0, 0, sent.timestamp, sent.key, sent.value, tuple(sent.headers))
        careful = decode_carefully(record)
        if isinstance(careful, Event):
            quick = decode_usual(record)
            assert quick is not None, record
            assert same(quick, careful)


def test_both_ways_agree_on_any_odd_value():
    """They agree on every odd value in every attribute, and in every field of every type."""
    number = 0
    for number, record in enumerate(odd_records.with_one_odd_value()):  # noqa: B007
        assert same(decode(record), decode_carefully(record)), record
    assert number > 10_000


@given(odd_records.records())
@settings(max_examples=1000)
def test_both_ways_agree_on_any_record(record: Record):
    """With the quick way a record has the same event, field by field, or the same dead letter as without it."""
    assert same(decode(record), decode_carefully(record))


@given(
    example=st.sampled_from(EXAMPLES),
    place=st.floats(0, 1),
    cut=st.integers(0, 6),
    put=st.sampled_from(
        [b"", b"{", b"}", b"[", b'"', b",", b"\\ud800", b"\\", b"\xff", b"\x00", b"1", b"null"]
    ),
)
def test_both_ways_agree_on_mutated_examples(example: Example, place: float, cut: int, put: bytes):
    """They agree on the golden examples, good and bad, with some bytes put, cut or changed."""
    record = example.record()
    value = record.value or b""
    at = int(place * len(value))
    mutated = msgspec.structs.replace(record, value=value[:at] + put + value[at + cut :])
    assert same(decode(record), decode_carefully(record))
    assert same(decode(mutated), decode_carefully(mutated))
