"""From files to the batches of a backfill: which lines are events, how they are read, sorted and batched."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from consumer.domain.decode import decode
from consumer.domain.limits import MAX_VALUE_BYTES
from consumer.domain.model import DeadLetter, Event, Record
from consumer.ingest.backfill import run
from consumer.ingest.backfill.dated_event import event_of_line
from consumer.ingest.backfill.from_files import record_of
from consumer.ingest.backfill.read_lines import UnreadableFileError, read_lines
from consumer.ingest.backfill.sorted_events import SortedEvents
from schemas.timestamps import to_microseconds
from schemas.vocabulary import DeadLetterReason
from tests.builders.events import AT, event
from tests.builders.kafka_records import structured_record

if TYPE_CHECKING:
    from pathlib import Path

_NOW = to_microseconds(AT)


def _line(id_: str = "a", **attributes: Any) -> bytes:
    attributes = {"time": AT.isoformat(), **attributes}
    value = structured_record(event(id_, **attributes), "deals", 0, 0).value
    assert value is not None
    return value


def _event(*arguments: Any, **attributes: Any) -> Event:
    made = event_of_line(_line(*arguments, **attributes), _NOW)
    assert isinstance(made, Event)
    return made


# Lines ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("age", [timedelta(0), timedelta(days=8), timedelta(days=20 * 365)])
def test_an_event_is_what_it_would_have_been_then(age: timedelta) -> None:
    """A line is the event of a record that came at the event's own time: ordinary, however old (4.13)."""
    at = (AT - age).replace(microsecond=123_456)
    then = structured_record(event(time=at.isoformat(), timestamp=at), "deals", 0, 0)
    made = _event(time=at.isoformat())
    assert made == decode(then)
    assert not made.settled


@pytest.mark.parametrize(
    ("line", "reason", "detail"),
    [
        (_line(time=None), "attribute_missing", "time: missing, and a line has no other"),
        (
            _line(time=(AT + timedelta(hours=1, microseconds=1)).isoformat()),
            "time_out_of_bounds",
            "time: found '2026-03-02T11:00:00.000001Z', expected 2000-01-01 to one hour from now",
        ),
        (
            _line(time="1999-12-31T23:59:59Z"),
            "time_out_of_bounds",
            "time: found '1999-12-31T23:59:59Z', expected 2000-01-01 to one hour after the record's timestamp",
        ),
        (
            _line(time="2200-01-01T00:00:00Z"),
            "time_out_of_bounds",
            "time: found '2200-01-01T00:00:00Z', expected 2000-01-01 to 2199-12-31",
        ),
        (_line(subject=None), "attribute_missing", "subject: missing"),
        (b"[]", "not_cloudevent", None),
        (b"\xef\xbb\xbf" + _line(), "not_json", None),
        (b"x" * (MAX_VALUE_BYTES + 1), "too_large", None),
    ],
)
def test_a_line_that_is_no_event(line: bytes, reason: str, detail: str | None) -> None:
    """A line has the faults of a record, and two more: it has no `time`, or one that is to come (9.3)."""
    fault = event_of_line(line, _NOW)
    assert isinstance(fault, DeadLetter)
    assert fault.reason is DeadLetterReason(reason)
    assert detail is None or fault.detail == detail


def test_an_hour_ahead_is_an_event() -> None:
    """Clocks differ: an event may be dated an hour from now, as one on a topic may."""
    at = AT + timedelta(hours=1)
    assert _event(time=at.isoformat()).occurred_at == at


# Files ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_lines_keep_their_numbers(tmp_path: Path, pack: Any) -> None:
    """Lines end with or without a carriage return, the last one with nothing; empty ones are passed over."""
    file = tmp_path / "events"
    long = b"x" * (3 * MAX_VALUE_BYTES)
    file.write_bytes(
        pack(b'{"a": 1}\r\n\n  \n{"b": 2}\n' + long + b"\n" + long[:MAX_VALUE_BYTES] + b"\r\n{}")
    )
    lines = list(read_lines(str(file)))
    assert [number for number, _ in lines] == [1, 4, 5, 6, 7]
    assert [line for _, line in lines if len(line) < 10] == [b'{"a": 1}', b'{"b": 2}', b"{}"]
    assert MAX_VALUE_BYTES < len(lines[2][1]) < MAX_VALUE_BYTES + 10
    assert len(lines[3][1]) == MAX_VALUE_BYTES


def test_two_compressed_parts_are_one_file(tmp_path: Path) -> None:
    """Files put together from compressed parts, as exports are, are read to their ends."""
    file = tmp_path / "events.gz"
    file.write_bytes(gzip.compress(b"1\n") + gzip.compress(b"2\n"))
    assert list(read_lines(str(file))) == [(1, b"1"), (2, b"2")]


@pytest.mark.parametrize("cut", [-1, -20, 12])
def test_a_damaged_file(tmp_path: Path, cut: int) -> None:
    """A compressed file that ends too soon is an error that names it, never a shorter file."""
    file = tmp_path / "events.gz"
    file.write_bytes(gzip.compress(json.dumps(list(range(1000))).encode() + b"\n{}\n")[:cut])
    with pytest.raises(UnreadableFileError, match=r"events\.gz: damaged after line"):
        list(read_lines(str(file)))


# Order and batches ------------------------------------------------------------------------------------------

_PEOPLE = st.lists(st.tuples(st.sampled_from(["acme", "birch"]), st.sampled_from("abcde")), max_size=40)


@given(people=_PEOPLE, in_memory=st.sampled_from([1, 2000, 1 << 20]))
@example(people=[("acme", "a")] * 12, in_memory=2000)  # some in a file, the rest in memory
def test_property_sorted_by_contact(people: list[tuple[str, str]], in_memory: int) -> None:
    """However many events fit into memory: one contact comes after the other, each one's events in their order."""
    with SortedEvents(in_memory) as events:
        for number, (account, subject) in enumerate(people):
            made = _event(str(number), accountid=account, subject=subject)
            events.add(made, record_of(made, "file", number))
        assert len(events) == len(people)
        assert [(one.account, one.subject, record.offset) for one, record in events] == sorted(
            (account, subject, number) for number, (account, subject) in enumerate(people)
        )


@given(sizes=st.lists(st.integers(1, 14), max_size=12))
def test_property_batches(sizes: list[int]) -> None:
    """A batch has four events, of a contact alone six; a contact is in one batch, unless it has more."""
    events = [
        (made, Record("file", 0, 0, 0, None, None))
        for contact, size in enumerate(sizes)
        for made in [_event(subject=f"c{contact:02}")] * size
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "MOST_EVENTS", 4)
        patch.setattr(run, "MOST_OF_CONTACT", 6)
        made_of = [[one.content.subject for one in batch] for batch in run.batches(events)]  # type: ignore[union-attr]
    assert [subject for batch in made_of for subject in batch] == [one.subject for one, _ in events]
    assert all(1 <= len(batch) <= (4 if len(set(batch)) > 1 else 6) for batch in made_of)
    for contact, size in enumerate(sizes):
        found = sum(f"c{contact:02}" in batch for batch in made_of)
        assert found == (size + 5) // 6


def test_contacts_are_spread_over_shards() -> None:
    """A contact that comes by file first gets a shard by its id, always the same one."""
    at = datetime(2026, 3, 2, tzinfo=UTC).isoformat()
    slices = [record_of(_event(subject=f"c{n}", time=at), "file", n).partition for n in range(4000)]
    assert slices == [record_of(_event(subject=f"c{n}", time=at), "other", 1).partition for n in range(4000)]
    by_shard = [sum(one % 16 == shard for one in slices) for shard in range(16)]
    assert max(by_shard) < 2 * min(by_shard)
