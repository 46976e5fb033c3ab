"""Made-up product traffic as it reaches Kafka: journeys of many people, and everything that goes wrong on the way.

Owns the stream: who comes when, under which id and mode, what arrives twice, late, broken or for nobody. The
same seed gives the same stream. Never touches a broker (simulate.py) or the machine's clock.
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
from consumer.demo.traffic.cloudevent_writer import Event
from consumer.demo.traffic.people import Happening

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.demo.traffic.people import Person

DEMO_ACCOUNTS = ("acme", "birch", "cobalt")
# In the catalog with its engagement module off, and not in the catalog at all.
DISABLED_ACCOUNT = "dormant"
UNKNOWN_ACCOUNT = "nobody"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SETTLED_AFTER = timedelta(days=7)
_UNKNOWN_TYPES = ("survey.answered", "deal.archived", "webinar.joined", "message.reacted")


class Intent(StrEnum):
    """What a simulated record is meant to be; what becomes of it is the service's to say."""

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
    BROKEN = "broken"
    MERGED = "merged"
    DELETED = "deleted"


# Of a thousand records.
_SHARES = {
    Intent.ORDINARY: 874.5,
    Intent.DUPLICATE: 30,
    Intent.LATE: 35,
    Intent.SETTLED: 5,
    # The same thing told again under another id, as by a webhook that fires twice.
    Intent.ECHO: 15,
    Intent.CONFLICT: 1,
    Intent.UNKNOWN_TYPE: 12,
    Intent.UNKNOWN_ACCOUNT: 6,
    Intent.DISABLED: 6,
    Intent.EXPIRED: 5,
    Intent.BROKEN: 9,
    Intent.MERGED: 1,
    Intent.DELETED: 0.5,
}
_INTENTS = tuple(_SHARES)
_CUMULATED = tuple(itertools.accumulate(_SHARES.values()))


class SimulatedRecord(NamedTuple):
    """A record to be produced; topic: without the prefix, timestamp: milliseconds since 1970."""

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
    """Where a scenario stands: its people, and what it sent lately."""

    def __init__(
        self, seed: int, accounts: tuple[str, ...], contacts: int, horizon: tuple[str, datetime] | None
    ) -> None:
        self.random = Random(seed)  # noqa: S311 - made-up people, not secrets
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
        self._told: deque[Event] = deque(maxlen=2000)

    def next_records(self, now: datetime) -> list[SimulatedRecord]:
        """Return the next record, after the introduction of its person where that is due."""
        intent = self.random.choices(_INTENTS, cum_weights=_CUMULATED)[0]
        if intent is Intent.DUPLICATE and self._sent:
            again = self.random.choice(self._sent)
            return [again._replace(timestamp=_milliseconds(now), intent=intent)]
        if intent is Intent.BROKEN:
            return [self._broken(now)]
        event = self._event(intent, now)
        if event is None:
            intent, event = Intent.ORDINARY, self._ordinary(self._person(), now)
        strange = intent in self._strangers
        records = (
            []
            if event.person.introduced
            else [self._introduction(event.person, now, intent if strange else Intent.ORDINARY)]
        )
        if intent in {Intent.ORDINARY, Intent.ECHO}:
            self._told.append(event)
        records.append(self._written(event, intent, now))
        return records

    def _event(self, intent: Intent, now: datetime) -> Event | None:
        """Return an event with this intent, None where the stream has nothing to make it of yet."""
        match intent:
            case Intent.LATE | Intent.ECHO | Intent.CONFLICT:
                event = self._retold(intent, now)
            case Intent.SETTLED:
                event = self._dated(self._person(), now - self._days(8, 40))
            case Intent.EXPIRED if self._horizon:
                account, horizon = self._horizon
                event = self._dated(self._person(account), horizon - self._days(0.01, 30))
            case Intent.UNKNOWN_ACCOUNT | Intent.DISABLED:
                event = self._ordinary(self.random.choice(self._strangers[intent]), now)
            case Intent.UNKNOWN_TYPE:
                event = self._ordinary(self._person(), now)
                unknown = event.happening._replace(type=self.random.choice(_UNKNOWN_TYPES))
                event = replace(event, happening=unknown)
            case Intent.MERGED | Intent.DELETED:
                event = self._removal(intent, now)
            case _:
                event = None
        return event

    def _ordinary(self, person: Person, now: datetime) -> Event:
        happening = people.next_happening(person, self.random)
        if people.happens(self.random, 2):
            return Event(person, happening, next(self._ids), None)
        # What an upstream service needs to get from the fact to Kafka.
        return Event(
            person, happening, next(self._ids), now - timedelta(seconds=self.random.expovariate(1.5))
        )

    def _dated(self, person: Person, occurred_at: datetime) -> Event:
        return Event(person, people.next_happening(person, self.random), next(self._ids), occurred_at)

    def _retold(self, intent: Intent, now: datetime) -> Event | None:
        """Return something told lately once more: as an earlier event, a second one, or under the same id."""
        if not self._told:
            return None
        told = self.random.choice(self._told)
        if told.occurred_at is None or told.happening.robot or now - told.occurred_at > _SETTLED_AFTER / 2:
            return None
        if intent is Intent.CONFLICT:
            other = told.happening.data | {"corrected": True}
            return replace(told, happening=told.happening._replace(data=other))
        if intent is Intent.ECHO:
            return replace(
                told,
                id=next(self._ids),
                occurred_at=told.occurred_at + timedelta(seconds=self.random.random()),
            )
        # A rep's deed that happened before one already counted takes its XP back: these are the ones to see.
        if told.happening.actor != "rep" and people.happens(self.random, 50):
            return None
        minutes = self.random.choice((self.random.uniform(1, 50), self.random.uniform(60, 600)))
        return replace(told, id=next(self._ids), occurred_at=told.occurred_at - timedelta(minutes=minutes))

    def _removal(self, intent: Intent, now: datetime) -> Event | None:
        person, survivor = self._person(), self._person()
        if person.account != survivor.account or person is survivor:
            return None
        self._removed.add((person.account, person.id))
        data = {"into": survivor.id} if intent is Intent.MERGED else {}
        return Event(
            person, Happening("contacts", f"contact.{intent}", data, None, "system"), next(self._ids), now
        )

    def _person(self, account: str | None = None) -> Person:
        """Pick somebody who is still there, the interested more often."""
        while True:
            person = self.random.choices(self._people, cum_weights=self._interest)[0]
            if account is not None and person.account != account:
                continue
            # In a small world everybody goes in the end; then they all come back.
            if len(self._removed) * 2 > len(self._people):
                self._removed.clear()
            if (person.account, person.id) not in self._removed:
                return person

    def _introduction(self, person: Person, now: datetime, intent: Intent) -> SimulatedRecord:
        person.introduced = True
        happening = people.introduction(person, self.random)
        return self._written(Event(person, happening, next(self._ids), now), intent, now)

    def _broken(self, now: datetime) -> SimulatedRecord:
        event = self._ordinary(self._person(), now)
        # One that is too large costs as much as a thousand others.
        ways = malformed_records.WAYS if people.happens(self.random, 10) else malformed_records.WAYS[1:]
        value, headers = malformed_records.broken(
            self.random.choice(ways), cloudevent_writer.envelope(event, self.random)
        )
        return _record(event, value, headers, now, Intent.BROKEN)

    def _written(self, event: Event, intent: Intent, now: datetime) -> SimulatedRecord:
        write = cloudevent_writer.binary if people.happens(self.random, 30) else cloudevent_writer.structured
        value, headers = write(cloudevent_writer.envelope(event, self.random))
        record = _record(event, value, headers, now, intent)
        self._sent.append(record)
        return record

    def _days(self, least: float, most: float) -> timedelta:
        return timedelta(days=self.random.uniform(least, most))


def _record(
    event: Event, value: bytes, headers: list[tuple[str, bytes]], now: datetime, intent: Intent
) -> SimulatedRecord:
    # Keyed by contact on every topic: with equal partitions all of a contact's events meet in one worker.
    key = f"{event.person.account}:{event.person.id}".encode()
    return SimulatedRecord(event.happening.topic, key, value, headers, _milliseconds(now), intent)


def _milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)
