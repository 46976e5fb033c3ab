"""Simulated traffic: repeatable by its seed, realistic, with every kind of duplicate, late and malformed record."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import pytest

from consumer.demo.traffic.malformed_records import REASONS
from consumer.demo.traffic.scenario import (
    DEMO_ACCOUNTS,
    DISABLED_ACCOUNT,
    UNKNOWN_ACCOUNT,
    Intent,
    SimulatedRecord,
    scenario,
)
from consumer.domain.decode import decode
from consumer.domain.model import DeadLetter, Event, Record, Tombstone
from schemas.vocabulary import CONTACT_UPSERTED, INPUT_TOPICS, DeadLetterReason

BEGIN = datetime(2026, 3, 1, 8, tzinfo=UTC)
HORIZON = BEGIN - timedelta(days=100)
COUNT = 20_000


@pytest.fixture(scope="module")
def records() -> list[SimulatedRecord]:
    return _records(seed=1)


@pytest.fixture(scope="module")
def decoded(records: list[SimulatedRecord]) -> list[tuple[SimulatedRecord, Event | DeadLetter]]:
    return [(record, _decoded(record)) for record in records]


def _records(seed: int) -> list[SimulatedRecord]:
    stream = scenario(seed, begin=BEGIN, pace=60, horizon=(DEMO_ACCOUNTS[1], HORIZON))
    return list(islice(stream, COUNT))


def _decoded(record: SimulatedRecord) -> Event | DeadLetter:
    content = decode(
        Record(record.topic, 0, 0, record.timestamp, record.key, record.value, tuple(record.headers))
    )
    assert not isinstance(content, Tombstone)
    return content


def test_the_same_seed_gives_the_same_stream(records: list[SimulatedRecord]) -> None:
    """One seed repeats its stream byte for byte, another gives another."""
    assert _records(seed=1) == records
    assert _records(seed=2)[:100] != records[:100]


def test_every_intent_and_every_topic_occurs(records: list[SimulatedRecord]) -> None:
    """In 20,000 records everything that can happen does, at least three times, on all nine topics."""
    intents = Counter(record.intent for record in records)
    assert min(intents[intent] for intent in Intent) >= 3
    assert {record.topic for record in records} == set(INPUT_TOPICS)
    assert 0.02 < intents[Intent.DUPLICATE] / COUNT < 0.04


def test_each_record_is_what_it_is_meant_to_be(
    decoded: list[tuple[SimulatedRecord, Event | DeadLetter]],
) -> None:
    """Exactly the malformed records are dead, the settled and expired ones settled; each account is as intended."""
    for record, found in decoded:
        assert isinstance(found, DeadLetter) == (record.intent is Intent.MALFORMED), (record, found)
        if isinstance(found, DeadLetter) or record.intent is Intent.DUPLICATE:
            continue
        assert found.settled == (record.intent in {Intent.SETTLED, Intent.EXPIRED})
        match record.intent:
            case Intent.EXPIRED:
                assert found.account == DEMO_ACCOUNTS[1]
                assert found.occurred_at < HORIZON
            case Intent.UNKNOWN_ACCOUNT:
                assert found.account == UNKNOWN_ACCOUNT
            case Intent.DISABLED:
                assert found.account == DISABLED_ACCOUNT
            case _:
                assert found.account in DEMO_ACCOUNTS


@pytest.mark.parametrize("reason", REASONS)
def test_every_dead_letter_reason_of_bytes_occurs(
    reason: DeadLetterReason, decoded: list[tuple[SimulatedRecord, Event | DeadLetter]]
) -> None:
    """The stream has a malformed record for each reason that the decoder gives."""
    assert any(isinstance(found, DeadLetter) and found.reason is reason for _, found in decoded)


def test_duplicates_are_exact_and_conflicts_are_not(records: list[SimulatedRecord]) -> None:
    """A duplicate repeats an earlier record but for its timestamp; a conflict repeats an id with other contents."""
    seen: dict[bytes, int] = {}
    ids: dict[tuple[str, bytes], int] = {}
    for record in records:
        if record.intent is Intent.DUPLICATE:
            assert record.value in seen
        seen[record.value] = record.timestamp
        found = _decoded(record)
        if isinstance(found, Event):
            identity = (found.account, found.key)
            if record.intent not in {Intent.DUPLICATE, Intent.CONFLICT}:
                assert identity not in ids
            if record.intent is Intent.CONFLICT:
                assert ids[identity] != found.digest
            ids.setdefault(identity, found.digest)


def test_people_are_introduced_first(decoded: list[tuple[SimulatedRecord, Event | DeadLetter]]) -> None:
    """The first event of each person is contact.upserted."""
    met = set()
    for _, found in decoded:
        if isinstance(found, Event):
            person = (found.account, found.subject)
            assert person in met or found.type == CONTACT_UPSERTED
            met.add(person)
    assert len(met) > 400


def test_late_events_reverse_xp(decoded: list[tuple[SimulatedRecord, Event | DeadLetter]]) -> None:
    """Late events of reps are dated before a similar one already read: they flip verdicts and reverse XP."""
    seen: dict[tuple[str, str, str, str | None], datetime] = {}
    overtaken = 0
    for record, found in decoded:
        if isinstance(found, Event):
            what = (found.account, found.subject, found.type, found.object_id)
            if record.intent is Intent.LATE and found.actor_type == "rep":
                overtaken += found.occurred_at < seen[what]
            seen[what] = max(found.occurred_at, seen.get(what, found.occurred_at))
    assert overtaken >= 50


def test_one_contact_has_one_key_on_every_topic(
    decoded: list[tuple[SimulatedRecord, Event | DeadLetter]],
) -> None:
    """Records are keyed by account and contact, so equal partition counts bring a contact's events together."""
    for record, found in decoded:
        if isinstance(found, Event):
            assert record.key == f"{found.account}:{found.subject}".encode()


def test_time_moves_forward_at_the_asked_pace(records: list[SimulatedRecord]) -> None:
    """Timestamps never go back, and on average they are `pace` apart; both modes and about half the reps occur."""
    assert all(one.timestamp <= other.timestamp for one, other in pairwise(records))
    lasted = (records[-1].timestamp - records[0].timestamp) / 1000
    assert lasted == pytest.approx(60 * COUNT, rel=0.02)
    binary = sum(any(name == "ce_specversion" for name, _ in record.headers) for record in records)
    assert 0.2 < binary / COUNT < 0.4
