"""Sample contacts with a month of events for the starting catalog, by which an empty account can be tried.

They come in as a backfill, so that everything of them is real: verdicts, scores, timelines. Their ids begin with
PREFIX, which is how they are found again to be deleted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX: Final = "sample-"
_SOURCE: Final = "/sample-data"
# What the conditions of the starting catalog look at: an amount, the page of a visit.
_DATA: Final = {"amount": 12_000, "context": {"page": {"path": "/pricing"}}}


@dataclass(frozen=True, slots=True)
class _Person:
    """A sample contact. story: types of events, each with how many hours ago it happened, and its object."""

    key: str
    name: str
    owner: str
    story: tuple[tuple[str, float, str], ...]


def _visits(*hours: float) -> tuple[tuple[str, float, str], ...]:
    return tuple(("track.page", each, f"/pricing?{each}") for each in hours)


_PEOPLE: Final = (
    _Person(
        "ana-souza",
        "Ana Souza",
        "rep-1",
        (
            ("track.form_submitted", 620, "demo"),
            ("message.received", 610, "chat-1"),
            ("booking.created", 400, "call-1"),
            ("booking.completed", 380, "call-1"),
            ("deal.created", 300, "deal-1"),
            ("email.opened", 90, "offer"),
            ("email.clicked", 89, "offer"),
            ("deal.won", 20, "deal-1"),
            ("payment.succeeded", 2, "invoice-1"),
        ),
    ),
    _Person(
        "ben-okafor",
        "Ben Okafor",
        "rep-1",
        (
            *_visits(200, 150),
            ("track.form_submitted", 148, "prices"),
            ("message.received", 100, "chat-2"),
            ("booking.created", 30, "call-2"),
            ("message.received", 5, "chat-2"),
        ),
    ),
    _Person(
        "chloe-martin",
        "Chloé Martin",
        "rep-2",
        (("email.opened", 300, "news"), ("email.clicked", 299, "news"), *_visits(298, 40)),
    ),
    _Person(
        "davi-lima",
        "Davi Lima",
        "rep-2",
        (
            ("message.received", 500, "chat-3"),
            ("deal.created", 450, "deal-2"),
            ("deal.lost", 100, "deal-2"),
            ("email.opened", 60, "comeback"),
        ),
    ),
    _Person(
        "eva-novak", "Eva Novák", "rep-1", (("order.placed", 240, "order-1"), ("order.placed", 24, "order-2"))
    ),
    _Person("femi-ade", "Femi Ade", "rep-2", (("email.opened", 12, "news"),)),
    _Person("gus-weber", "Gus Weber", "rep-1", _visits(700, 650)),
    _Person(
        "hana-sato",
        "Hana Satō",
        "rep-2",
        (("message.received", 8, "chat-4"), ("booking.created", 3, "call-3")),
    ),
)


def events(account: str, now: datetime | None = None) -> list[dict[str, Any]]:
    """Return the events, as CloudEvents of the account. The same ones come again with the same ids."""
    at = (now or datetime.now(UTC)).replace(minute=0, second=0, microsecond=0)
    return [event for person in _PEOPLE for event in _events_of(person, account, at)]


def contact_ids() -> list[str]:
    """Return the ids of the sample contacts."""
    return [PREFIX + person.key for person in _PEOPLE]


def _events_of(person: _Person, account: str, now: datetime) -> Iterator[dict[str, Any]]:
    contact = PREFIX + person.key
    first = now - timedelta(hours=max(hours for _, hours, _ in person.story) + 1)
    fields = {
        "name": person.name,
        "owner": person.owner,
        "email": f"{person.key}@example.com",
        "tags": ["sample"],
    }
    common = {"specversion": "1.0", "source": _SOURCE, "subject": contact, "accountid": account}
    yield common | {
        "id": f"{contact}-fields",
        "type": "contact.upserted",
        "time": first.isoformat(),
        "data": fields,
    }
    for number, (event_type, hours, object_id) in enumerate(person.story):
        yield common | {
            "id": f"{contact}-{number}",
            "type": event_type,
            "time": (now - timedelta(hours=hours)).isoformat(),
            "objectid": object_id,
            "actorid": person.owner,
            "actortype": "rep",
            "data": _DATA,
        }
