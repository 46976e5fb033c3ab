"""Writes simulated events as CloudEvents in structured and in binary mode; shares no code with the decoder."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import msgspec

from consumer.demo.traffic import people

if TYPE_CHECKING:
    from random import Random

    from consumer.demo.traffic.people import Activity, Person

Headers = list[tuple[str, bytes]]
STRUCTURED: Headers = [("content-type", b"application/cloudevents+json; charset=utf-8")]

_SOURCES = {
    "messages": "/inbox",
    "deals": "/crm/deals",
    "followups": "/crm/followups",
    "bookings": "/calendar",
    "payments": "/billing",
    "sales": "/shop",
    "emails": "/mailer",
    "tracked": "/tracker",
    "contacts": "/crm/contacts",
}


@dataclass(frozen=True, slots=True)
class SimulatedEvent:
    """One event of the stream before it is encoded; occurred_at: None leaves `time` out."""

    person: Person
    activity: Activity
    id: str
    occurred_at: datetime | None


def envelope(event: SimulatedEvent, random: Random) -> dict[str, Any]:
    """Return an event's attributes and data in the form of structured mode."""
    activity = event.activity
    attributes: dict[str, Any] = {
        "specversion": "1.0",
        "id": event.id,
        "source": _SOURCES[activity.topic],
        "type": activity.type,
        "subject": event.person.id,
        "accountid": event.person.account,
    }
    if event.occurred_at is not None:
        zone = timezone(timedelta(hours=2)) if people.chance(random, 10) else UTC
        attributes["time"] = event.occurred_at.astimezone(zone).isoformat().replace("+00:00", "Z")
    if activity.actor is not None:
        attributes["actortype"] = activity.actor
        attributes["actorid"] = _actor_id(event)
    if activity.object is not None:
        attributes["objectid"] = activity.object
    attributes["datacontenttype"] = "application/json"
    return attributes | ({"robot": True} if activity.robot else {}) | {"data": activity.data}


def _actor_id(event: SimulatedEvent) -> str:
    person = event.person
    return {"rep": person.owner, "contact": person.id}.get(event.activity.actor or "", "automation")


def structured(attributes: dict[str, Any]) -> tuple[bytes, Headers]:
    """Return value and headers in structured mode."""
    return msgspec.json.encode(attributes), STRUCTURED


def binary(attributes: dict[str, Any]) -> tuple[bytes, Headers]:
    """Return value and headers in binary mode."""
    headers = [
        (f"ce_{name}", (value if isinstance(value, str) else "true").encode())
        for name, value in attributes.items()
        if name not in {"data", "datacontenttype"}
    ]
    return msgspec.json.encode(attributes["data"]), [*headers, ("content-type", b"application/json")]
