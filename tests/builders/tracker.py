"""Tracker tokens, senders and the events of calls, for tests of the tracker."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from consumer.domain.decode import decode
from consumer.domain.model import Event, Record
from consumer.web.tracker.calls.body import Call, Kind, read_call
from consumer.web.tracker.calls.outcome import Refusal, TrackedRecord
from consumer.web.tracker.calls.records import records_of
from consumer.web.tracker.calls.sender import Sender
from consumer.web.tracker.write_key import WriteKey

if TYPE_CHECKING:
    from consumer.web.tracker.calls.records import RobotRules

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)


class NoRobots:
    """Takes every request for a person's."""

    def rule_of(self, user_agent: str | None, address: str | None) -> str | None:
        del user_agent, address
        return None


class AllRobots:
    """Takes every request for a robot's, and remembers by what it would have recognised the last."""

    def rule_of(self, user_agent: str | None, address: str | None) -> str | None:
        self.seen = user_agent, address
        return "all"


def write_key(**settings: Any) -> WriteKey:
    """Build a token of account acme that allows everything but traits."""
    defaults = {"id": "shop", "account": "acme", "name": "Shop", "signing_secret": b"secret"}
    limits = {"per_second": 100, "per_second_by_address": 10, "per_day": 100_000}
    return WriteKey(**{**defaults, **limits, **settings})


def browser(**attributes: Any) -> Sender:
    """Build the sender of a page of a shop."""
    defaults = {"received_at": NOW, "address": "192.0.2.7", "user_agent": CHROME}
    return Sender(**{**defaults, "origin": "https://shop.example", **attributes})


def server(**attributes: Any) -> Sender:
    """Build the sender of a program: without an origin."""
    return browser(origin=None, user_agent="python-requests/2.32", **attributes)


def call(
    kind: str,
    body: dict[str, Any],
    *,
    key: WriteKey | None = None,
    sender: Sender | None = None,
    robots: RobotRules | None = None,
) -> list[Event] | Refusal:
    """Return the events of a call as the service decodes them, or its refusal."""
    read = read_call(Kind(kind), json.dumps(body).encode())
    if isinstance(read, Refusal):
        return read
    records = records_of(read, key or write_key(), sender or browser(), robots or NoRobots())
    return records if isinstance(records, Refusal) else [decoded(record) for record in records]


def only_record(read: Call | Refusal) -> TrackedRecord:
    """Return the record of a call that a server makes."""
    assert isinstance(read, Call), read
    records = records_of(read, write_key(), server(), NoRobots())
    assert isinstance(records, tuple), records
    [record] = records
    return record


def decoded(record: TrackedRecord) -> Event:
    """Return the event of a record that Kafka has taken at NOW."""
    event = decode(
        Record(
            "tracked",
            0,
            0,
            int(NOW.timestamp() * 1000),
            record.key,
            record.value,
            (("content-type", b"application/cloudevents+json"),),
        )
    )
    assert isinstance(event, Event), event
    return event
