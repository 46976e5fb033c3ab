"""One batch of the plain consumer (bench/plain.py): its tables, its rules, its transaction, its messages.

Rules follow the order of arrival: an event that comes late counts only where no cooldown is asked for, and changes
nothing that was counted before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from bench.traffic import DEFINITIONS, KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

OVERALL = "overall"

# Contacts are named ACCOUNT:ID throughout, events ACCOUNT:SOURCE:ID.
TABLES = """
    create table events (event text primary key);
    create table timeline (
        contact text not null, occurred_at timestamptz not null, definition text not null, points integer not null,
        type text not null, event text not null, object_id text, actor_id text, data text not null);
    create index on timeline (contact, occurred_at);
    create table cooldowns (key text primary key, last_counted timestamptz not null);
    create table scores (contact text, grp text, points integer not null, primary key (contact, grp));
"""
_NEW_EVENTS = "insert into events select unnest($1::text[]) on conflict do nothing returning event"
_LAST_COUNTED = "select key, last_counted from cooldowns where key = any($1::text[])"
_COUNTED = """
    insert into cooldowns select * from unnest($1::text[], $2::timestamptz[])
    on conflict (key) do update set last_counted = excluded.last_counted"""
_ADD = """
    insert into scores select * from unnest($1::text[], $2::text[], $3::integer[])
    on conflict (contact, grp) do update set points = scores.points + excluded.points
    returning contact, grp, points"""
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


class Event(msgspec.Struct):
    """What is read of an envelope; `data` is kept as it is."""

    id: str
    source: str
    type: str
    subject: str
    accountid: str
    time: datetime
    data: msgspec.Raw
    objectid: str = ""
    actorid: str | None = None

    @property
    def contact(self) -> str:
        """The name of the contact."""
        return f"{self.accountid}:{self.subject}"

    @property
    def name(self) -> str:
        """The name of the event; two with the same are duplicates."""
        return f"{self.accountid}:{self.source}:{self.id}"


@dataclass(frozen=True, slots=True)
class Definition:
    """What counts for how much. policy: always, once, or cooldown, for each contact or each of its objects."""

    key: str
    group: str
    points: int
    policy: str
    by_object: bool
    interval: timedelta

    def cooldown(self, event: Event) -> str:
        """Return the key of the events that this one shares a cooldown with."""
        return f"{event.contact}:{self.key}:{event.objectid if self.by_object else ''}"

    def counts(self, event: Event, last: datetime | None) -> bool:
        """Whether an event counts, given when one of its key did last."""
        if self.policy == "always" or last is None:
            return True
        return self.policy == "cooldown" and event.time - last >= self.interval


def _definition(entry: dict[str, Any]) -> Definition:
    dedup = entry["dedup"]
    interval = dedup.get("interval", "0m")
    return Definition(
        entry["key"],
        entry["group"],
        entry["default_points"],
        dedup["policy"],
        dedup.get("per") == "object",
        int(interval[:-1]) * _UNITS[interval[-1]],
    )


CATALOG = {
    kind.type: [_definition(entry) for entry in DEFINITIONS if entry["key"] in kind.definitions]
    for kind in KINDS
}


@dataclass(slots=True)
class Change:
    """What a batch adds to the points of one contact, by group, and the events that do."""

    points: dict[str, int] = field(default_factory=dict)
    events: list[dict[str, str]] = field(default_factory=list)


async def store(connection: Connection, events: Iterable[Event]) -> list[tuple[str, bytes]]:
    """Commit what the events change; return the messages that say so, each with its contact."""
    async with connection.transaction():
        new = await _without_duplicates(connection, events)
        rows, counted, changes = judge(new, await _last_counted(connection, new))
        await connection.copy_records_to_table("timeline", records=rows)
        # Sorted, so that two consumers cannot wait for each other's rows.
        keys = sorted(counted)
        await connection.execute(_COUNTED, keys, [counted[key] for key in keys])
        added = sorted(
            (contact, group, points)
            for contact, change in changes.items()
            for group, points in change.points.items()
        )
        scores = await connection.fetch(_ADD, *([row[column] for row in added] for column in range(3)))
    current = {(contact, group): points for contact, group, points in scores}
    return [(contact, _message(contact, change, current)) for contact, change in changes.items()]


async def _without_duplicates(connection: Connection, events: Iterable[Event]) -> list[Event]:
    first: dict[str, Event] = {}
    for event in events:
        first.setdefault(event.name, event)
    new = {row[0] for row in await connection.fetch(_NEW_EVENTS, sorted(first))}
    return [event for name, event in first.items() if name in new]


async def _last_counted(connection: Connection, events: Iterable[Event]) -> dict[str, datetime]:
    keys = {
        definition.cooldown(event)
        for event in events
        for definition in CATALOG.get(event.type, ())
        if definition.policy != "always"
    }
    found = await connection.fetch(_LAST_COUNTED, sorted(keys))
    return {row[0]: row[1] for row in found}


def judge(
    events: Iterable[Event], last: Mapping[str, datetime]
) -> tuple[list[tuple[Any, ...]], dict[str, datetime], dict[str, Change]]:
    """Return the timeline's rows, the keys of cooldowns that counted and when, and the changes by contact."""
    rows: list[tuple[Any, ...]] = []
    counted: dict[str, datetime] = {}
    changes: dict[str, Change] = {}
    for event in events:
        contact, name, data = event.contact, event.name, bytes(event.data).decode()
        for definition in CATALOG.get(event.type, ()):
            key = definition.cooldown(event)
            counts = definition.counts(event, counted.get(key) or last.get(key))
            points = definition.points if counts else 0
            rows.append(
                (
                    contact,
                    event.time,
                    definition.key,
                    points,
                    event.type,
                    name,
                    event.objectid,
                    event.actorid,
                    data,
                )
            )
            if not counts:
                continue
            if definition.policy != "always":
                counted[key] = event.time
            change = changes.setdefault(contact, Change())
            change.events.append({"id": event.id, "type": event.type, "definition": definition.key})
            for group in (OVERALL, definition.group):
                change.points[group] = change.points.get(group, 0) + points
    return rows, counted, changes


def _message(contact: str, change: Change, current: Mapping[tuple[str, str], int]) -> bytes:
    scores = {
        group: {"previous": current[contact, group] - points, "current": current[contact, group]}
        for group, points in change.points.items()
    }
    overall = scores.pop(OVERALL)
    account, subject = contact.split(":", 1)
    return msgspec.json.encode(
        {
            "specversion": "1.0",
            "id": f"{contact}:{change.events[0]['id']}",
            "source": "/plain",
            "type": "score.changed",
            "subject": subject,
            "accountid": account,
            "data": {"overall": overall, "groups": scores, "events": change.events},
        }
    )
