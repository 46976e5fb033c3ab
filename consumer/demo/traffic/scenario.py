"""Simulated product traffic as it reaches Kafka, with duplicates, late, malformed and unwanted records.

Pure: the same seed and begin give the same records; producer.py sends them.
"""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from consumer.demo.traffic import cloudevent_writer, malformed_records, people
from consumer.demo.traffic.cloudevent_writer import SimulatedEvent
from consumer.demo.traffic.people import Activity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.demo.traffic.people import Person

DEMO_ACCOUNTS = ("acme", "birch", "cobalt")
# In the catalog with its engagement module off, and not in the catalog at all.
DISABLED_ACCOUNT = "dormant"
UNKNOWN_ACCOUNT = "unlisted"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SETTLED_AFTER = timedelta(days=7)
_UNKNOWN_TYPES = ("survey.answered", "deal.archived", "webinar.joined", "message.reacted")


class Intent(StrEnum):
    """What a simulated record is meant to be; the service decides its outcome."""

    ORDINARY = "ordinary"
    DUPLICATE = "duplicate"
    LATE = "late"
    SETTLED = "settled"
    ECHO = "echo"
    CONFLICT = "conflict"
    UNKNOWN_TYPE = "unknown_type"
    UNKNOWN_ACCOUNT = "unknown_account"
    DISABLED = "disabled"
    EXPIRED = "expired"
    MALFORMED = "malformed"
    MERGED = "merged"
    DELETED = "deleted"


# Per thousand records.
_SHARES = {
    Intent.ORDINARY: 874.5,
    Intent.DUPLICATE: 30,
    Intent.LATE: 35,
    Intent.SETTLED: 5,
    # The same activity under another id, as from a webhook that fires twice.
    Intent.ECHO: 15,
    Intent.CONFLICT: 1,
    Intent.UNKNOWN_TYPE: 12,
    Intent.UNKNOWN_ACCOUNT: 6,
    Intent.DISABLED: 6,
    Intent.EXPIRED: 5,
    Intent.MALFORMED: 9,
    Intent.MERGED: 1,
    Intent.DELETED: 0.5,
}
_INTENTS = tuple(_SHARES)
_CUMULATED = tuple(itertools.accumulate(_SHARES.values()))


class SimulatedRecord(NamedTuple):
    """A record to produce; topic: without the prefix, timestamp: milliseconds since 1970."""

    topic: str
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]
    timestamp: int
    intent: Intent


def scenario(
    seed: int,
    *,
    begin: datetime,
    pace: float,
    accounts: tuple[str, ...] = DEMO_ACCOUNTS,
    contacts: int = 500,
    horizon: tuple[str, datetime] | None = None,
) -> Iterator[SimulatedRecord]:
    """Yield records without end, the first stamped `begin`, on average `pace` seconds apart.

    contacts: in all accounts together. horizon: an account of `accounts` and its retention horizon; some of
    its events are then dated before it. Each person is introduced before anything else happens to them.
    """
    stream = _Stream(seed, accounts, contacts, horizon)
    now = begin
    while True:
        for record in stream.next_records(now):
            yield record
            now += timedelta(seconds=pace * stream.random.uniform(0.5, 1.5))


class _Stream:
    """The state of a scenario: its people, and the records it yielded recently."""

    def __init__(
        self, seed: int, accounts: tuple[str, ...], contacts: int, horizon: tuple[str, datetime] | None
    ) -> None:
        self.random = Random(seed)  # noqa: S311 - simulated people, not secrets
        self._ids = (f"{seed:x}-{number:07d}" for number in itertools.count(1))
        self._horizon = horizon
        self._people = [
            person
            for index, account in enumerate(accounts)
            for person in people.people(self.random, account, -(-(contacts - index) // len(accounts)) or 1)
        ]
        self._interest = list(itertools.accumulate(person.interest for person in self._people))
        self._strangers = {
            Intent.UNKNOWN_ACCOUNT: people.people(self.random, UNKNOWN_ACCOUNT, 5),
            Intent.DISABLED: people.people(self.random, DISABLED_ACCOUNT, 5),
        }
        self._removed: set[tuple[str, str]] = set()
        self._sent: deque[SimulatedRecord] = deque(maxlen=500)
        self._recent: deque[SimulatedEvent] = deque(maxlen=2000)

    def next_records(self, now: datetime) -> list[SimulatedRecord]:
        """Return the next record, preceded by the introduction of its person if that is new."""
        intent = self.random.choices(_INTENTS, cum_weights=_CUMULATED)[0]
        if intent is Intent.DUPLICATE and self._sent:
            again = self.random.choice(self._sent)
            return [again._replace(timestamp=_milliseconds(now), intent=intent)]
        if intent is Intent.MALFORMED:
            return [self._malformed(now)]
        event = self._event(intent, now)
        if event is None:
            intent, event = Intent.ORDINARY, self._ordinary(self._person(), now)
        is_stranger = intent in self._strangers
        records = (
            []
            if event.person.introduced
            else [self._introduction(event.person, now, intent if is_stranger else Intent.ORDINARY)]
        )
        if intent in {Intent.ORDINARY, Intent.ECHO}:
            self._recent.append(event)
        records.append(self._encode(event, intent, now))
        return records

    def _event(self, intent: Intent, now: datetime) -> SimulatedEvent | None:
        """Return an event with this intent; None if there is no suitable earlier event or person yet."""
        match intent:
            case Intent.LATE | Intent.ECHO | Intent.CONFLICT:
                event = self._repeat(intent, now)
            case Intent.SETTLED:
                event = self._dated(self._person(), now - self._days(8, 40))
            case Intent.EXPIRED if self._horizon:
                account, horizon = self._horizon
                event = self._dated(self._person(account), horizon - self._days(0.01, 30))
            case Intent.UNKNOWN_ACCOUNT | Intent.DISABLED:
                event = self._ordinary(self.random.choice(self._strangers[intent]), now)
            case Intent.UNKNOWN_TYPE:
                event = self._ordinary(self._person(), now)
                unknown = event.activity._replace(type=self.random.choice(_UNKNOWN_TYPES))
                event = replace(event, activity=unknown)
            case Intent.MERGED | Intent.DELETED:
                event = self._removal(intent, now)
            case _:
                event = None
        return event

    def _ordinary(self, person: Person, now: datetime) -> SimulatedEvent:
        activity = people.next_activity(person, self.random)
        if people.chance(self.random, 2):
            return SimulatedEvent(person, activity, next(self._ids), None)
        # The delay between the activity and its record in Kafka.
        return SimulatedEvent(
            person, activity, next(self._ids), now - timedelta(seconds=self.random.expovariate(1.5))
        )

    def _dated(self, person: Person, occurred_at: datetime) -> SimulatedEvent:
        return SimulatedEvent(person, people.next_activity(person, self.random), next(self._ids), occurred_at)

    def _repeat(self, intent: Intent, now: datetime) -> SimulatedEvent | None:
        """Return a recent event again: dated earlier, under another id, or with other data under the same id."""
        if not self._recent:
            return None
        recent = self.random.choice(self._recent)
        if (
            recent.occurred_at is None
            or recent.activity.robot
            or now - recent.occurred_at > _SETTLED_AFTER / 2
        ):
            return None
        if intent is Intent.CONFLICT:
            other = recent.activity.data | {"corrected": True}
            return replace(recent, activity=recent.activity._replace(data=other))
        if intent is Intent.ECHO:
            return replace(
                recent,
                id=next(self._ids),
                occurred_at=recent.occurred_at + timedelta(seconds=self.random.random()),
            )
        # A rep's activity dated before a counted one reverses the XP of that: make these more frequent.
        if recent.activity.actor != "rep" and people.chance(self.random, 50):
            return None
        minutes = self.random.choice((self.random.uniform(1, 50), self.random.uniform(60, 600)))
        return replace(
            recent, id=next(self._ids), occurred_at=recent.occurred_at - timedelta(minutes=minutes)
        )

    def _removal(self, intent: Intent, now: datetime) -> SimulatedEvent | None:
        person, survivor = self._person(), self._person()
        if person.account != survivor.account or person is survivor:
            return None
        self._removed.add((person.account, person.id))
        data = {"into": survivor.id} if intent is Intent.MERGED else {}
        return SimulatedEvent(
            person, Activity("contacts", f"contact.{intent}", data, None, "system"), next(self._ids), now
        )

    def _person(self, account: str | None = None) -> Person:
        """Return a random person who is not removed, active ones more often."""
        while True:
            person = self.random.choices(self._people, cum_weights=self._interest)[0]
            if account is not None and person.account != account:
                continue
            # Once half of the people are removed, all come back: a long run must not run out of people.
            if len(self._removed) * 2 > len(self._people):
                self._removed.clear()
            if (person.account, person.id) not in self._removed:
                return person

    def _introduction(self, person: Person, now: datetime, intent: Intent) -> SimulatedRecord:
        person.introduced = True
        activity = people.introduction(person, self.random)
        return self._encode(SimulatedEvent(person, activity, next(self._ids), now), intent, now)

    def _malformed(self, now: datetime) -> SimulatedRecord:
        event = self._ordinary(self._person(), now)
        # The first reason is too_large, a record that costs as much as a thousand others.
        reasons = (
            malformed_records.REASONS if people.chance(self.random, 10) else malformed_records.REASONS[1:]
        )
        value, headers = malformed_records.malformed(
            self.random.choice(reasons), cloudevent_writer.envelope(event, self.random)
        )
        return _record(event, value, headers, now, Intent.MALFORMED)

    def _encode(self, event: SimulatedEvent, intent: Intent, now: datetime) -> SimulatedRecord:
        write = cloudevent_writer.binary if people.chance(self.random, 30) else cloudevent_writer.structured
        value, headers = write(cloudevent_writer.envelope(event, self.random))
        record = _record(event, value, headers, now, intent)
        self._sent.append(record)
        return record

    def _days(self, least: float, most: float) -> timedelta:
        return timedelta(days=self.random.uniform(least, most))


def _record(
    event: SimulatedEvent, value: bytes, headers: list[tuple[str, bytes]], now: datetime, intent: Intent
) -> SimulatedRecord:
    # Keyed by contact on every topic: with equal partitions all of a contact's events meet in one worker.
    key = f"{event.person.account}:{event.person.id}".encode()
    return SimulatedRecord(event.activity.topic, key, value, headers, _milliseconds(now), intent)


def _milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)
