"""One batch that holds a bit of everything, the history before it, and a change of the catalog in between.

Owns the records and documents. Never says what should become of them: that is the oracle's.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.builders.kafka_records import structured_record
from tests.oracle import OracleRecord, parse_time

if TYPE_CHECKING:
    from consumer.domain.model import Record

# A lane on each of three shards.
LANES = (("deals", 0), ("payments", 1), ("contacts", 2))
STARTS = dict.fromkeys(LANES, 0)


def _definition(key: str, event: str, points: int, dedup: dict[str, str], **more: Any) -> dict[str, Any]:
    made = {"key": key, "name": key, "group": "purchase", "icon": "cart", "default_points": points}
    return {**made, "events": [event], "dedup": dedup, **more}


DOCUMENT: dict[str, Any] = {
    "engagement_catalog": 1,
    "account": "acme",
    "name": "Acme",
    "sales": True,
    "groups": [
        {"key": "purchase", "name": "Purchase", "icon": "cart"},
        {"key": "support", "name": "Support", "icon": "cart"},
    ],
    "definitions": [
        _definition("won", "deal.won", 10, {"policy": "always"}, xp=5),
        _definition("booked", "booking.created", 7, {"policy": "cooldown", "interval": "1d"}, xp=20),
        _definition("opened", "email.opened", 3, {"policy": "once"}, group="support"),
        _definition("paid", "payment.succeeded", 2, {"policy": "cooldown", "interval": "1h"}),
    ],
    "profiles": [{"key": "lead_score", "name": "Lead score", "primary": True, "published": True}],
}
# What the worker does not know yet when it begins the batch: other XP, another edition.
CHANGE: dict[str, Any] = {
    "engagement_catalog": 1,
    "account": "acme",
    "definitions": [
        _definition("won", "deal.won", 10, {"policy": "always"}, xp=9),
        _definition("paid", "payment.succeeded", 2, {"policy": "cooldown", "interval": "3h"}),
    ],
}


def _event(
    subject: str, kind: str, identity: str | None, time: str, *, timestamp: str | None = None, **more: Any
) -> OracleRecord:
    recorded = parse_time(timestamp or time)
    assert recorded is not None
    more = {"source": "/crm", "accountid": "acme", **more}
    return OracleRecord(
        subject=subject, type=kind, id=identity, time=time, timestamp=recorded.replace(microsecond=0), **more
    )


def _rep(actor: str) -> dict[str, str]:
    return {"actorid": actor, "actortype": "rep"}


def _data(**values: Any) -> dict[str, str]:
    return {"data": json.dumps(values)}


_WON = _event("bob", "deal.won", "w1", "2026-03-02T10:00:00Z", **_rep("rita"))

HISTORY = [
    _event("ann", "booking.created", "b1", "2026-03-02T10:00:00Z", **_rep("rita")),
    _event("ann", "email.opened", "e1", "2026-03-02T10:00:00Z"),
    _event("ann", "email.opened", "e2", "2026-03-02T11:00:00Z"),
    _WON,
    _event("bob", "payment.succeeded", "p1", "2026-03-02T10:00:00Z"),
    _event("ann", "contact.upserted", "u1", "2026-03-02T09:00:00Z", **_data(name="Ann", owner="rita")),
]
# Loads the catalog that will be stale, and has no other effect.
WARM_UP = _event("ann", "deal.won", "n1", "2026-03-02T10:00:00Z", accountid="nobody")

BATCH: dict[tuple[str, int], list[OracleRecord]] = {
    ("deals", 0): [
        _event("ann", "booking.created", "b0", "2026-03-02T09:30:00Z", **_rep("ruth")),  # b1 is taken back
        _event("ann", "email.opened", "e0", "2026-03-02T08:00:00Z"),  # e1 no longer the first
        _WON,  # a duplicate
        _event("bob", "deal.won", None, "2026-03-02T12:00:00Z"),  # dead
        _event("bob", "deal.lost", "l1", "2026-03-02T12:00:00Z"),  # unmatched
        _event("cid", "deal.won", "w2", "2026-04-01T10:00:00Z", **_rep("ruth")),  # new contact, new month
        _event("cid", "deal.won", "w2", "2026-04-01T10:00:00Z", **_rep("ruth")),  # a duplicate in one batch
    ],
    ("payments", 1): [
        _event("bob", "payment.succeeded", "p2", "2026-03-02T12:00:00Z"),  # too near under the new edition
        _event("dan", "deal.won", "w3", "2026-03-02T12:00:00Z"),
        _event("eve", "booking.created", "b2", "2026-03-02T12:00:00Z", timestamp="2026-03-20T12:00:00Z"),
        _event("ann", "deal.won", "n2", "2026-03-02T10:00:00Z", accountid="nobody"),
    ],
    ("contacts", 2): [
        _event("ann", "contact.upserted", "u2", "2026-03-02T12:00:00Z", **_data(name="Anna", tags=["vip"])),
        _event("fay", "contact.upserted", "u3", "2026-03-02T12:00:00Z", **_data(name="Fay")),
        _event("gus", "contact.merged", "m1", "2026-03-02T12:00:00Z", **_data(into="ann")),
        _event("hal", "contact.deleted", "d1", "2026-03-02T12:00:00Z"),
        _event("gus", "deal.won", "w4", "2026-03-02T12:00:00Z", robot=True),  # excluded
        _event("gus", "deal.won", "", "2026-03-02T12:00:00Z"),  # dead
    ],
}


def warm_up() -> list[Record]:
    """Return the record that lets a worker load the catalog: the first lane's, after the history."""
    return _records(LANES[0], [WARM_UP], len(HISTORY))


def history() -> list[Record]:
    """Return the history as records of the first lane."""
    return _records(LANES[0], HISTORY, 0)


def batch() -> list[Record]:
    """Return the batch as records, each lane's after what it had before."""
    begins = {LANES[0]: len(HISTORY) + 1}
    return [
        record for lane, events in BATCH.items() for record in _records(lane, events, begins.get(lane, 0))
    ]


def _records(lane: tuple[str, int], events: list[OracleRecord], begin: int) -> list[Record]:
    return [structured_record(event, *lane, begin + place) for place, event in enumerate(events)]
