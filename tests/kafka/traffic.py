"""Seeded traffic with what makes delivery hard in it: duplicates, late events, ties, reps, broken records.

Owns drawing it, and the catalogs it is judged by. Never sends anything.
"""

from __future__ import annotations

import random
import zlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from consumer.domain.model import Record
from tests.builders.catalog_documents import definition, document
from tests.builders.kafka_records import binary_record, structured_record, topic_of
from tests.oracle import Oracle, OracleRecord

if TYPE_CHECKING:
    from collections.abc import Iterable

ACCOUNTS = ("acme", "globex")
# Of each type with the share of the traffic that it has; orders are matched by nothing.
_TYPES = {
    "deal.won": 4,
    "email.opened": 6,
    "booking.completed": 3,
    "payment.succeeded": 4,
    "order.placed": 1,
}
_GROUPS = [
    {"key": "purchase", "name": "Purchase", "icon": "cart"},
    {"key": "marketing", "name": "Marketing", "icon": "megaphone"},
]


# Bounds that few events reach, and bands that contacts cross up and down.
_FRAMES: dict[str, Any] = {
    "overall": {
        "floor": 0,
        "cap": 60,
        "bands": [{"key": "cold"}, {"key": "warm", "min": 15}, {"key": "hot", "min": 35}],
    },
    "groups": {
        "marketing": {
            "apart": True,
            "cap": 20,
            "bands": [{"key": "C"}, {"key": "B", "min": 6}, {"key": "A", "min": 15}],
        },
        "purchase": {"cap": 50},
    },
}


def catalog(account: str, *, won: int = 10, framed: bool = False) -> dict[str, Any]:
    """Return a catalog with every dedup policy, XP, a negative weight and a second profile.

    won: points of a deal. framed: the primary profile has bounds, bands and a group apart.
    """
    frames = _FRAMES if framed else {}
    return document(
        account,
        groups=_GROUPS,
        definitions=[
            definition("won", "deal.won", default_points=won, xp=20),
            definition(
                "opened",
                "email.opened",
                group="marketing",
                default_points=3,
                dedup={"policy": "cooldown", "interval": "1h"},
                xp=2,
            ),
            definition("visited", "booking.completed", default_points=7, dedup={"policy": "once"}, xp=11),
            definition(
                "paid",
                "payment.succeeded",
                default_points=-4,
                dedup={"policy": "cooldown", "interval": "1d", "per": "object"},
            ),
        ],
        profiles=[
            {
                "key": "lead_score",
                "name": "Lead score",
                "primary": True,
                "inherits": True,
                "published": True,
                **frames,
            },
            {"key": "heat", "name": "Heat", "inherits": False, "published": True, "weights": {"opened": 5}},
        ],
    )


@dataclass
class Traffic:
    """Records in the order in which they are sent; events: those that are events, broken: values of the others.

    documents: the catalogs, as published last.
    """

    records: list[Record] = field(default_factory=list)
    events: list[OracleRecord] = field(default_factory=list)
    broken: list[bytes] = field(default_factory=list)
    duplicates: int = 0
    documents: list[dict[str, Any]] = field(
        default_factory=lambda: [catalog(account) for account in ACCOUNTS]
    )

    def oracle(self) -> Oracle:
        """Return what must hold when all of it was processed."""
        oracle = Oracle()
        for one in self.documents:
            oracle.apply(one)
        oracle.batch(self.events)
        return oracle


def draw(seed: int, count: int, *, contacts: int = 60, partitions: int = 3) -> Traffic:
    """Draw so many records."""
    chance = random.Random(seed)
    traffic = Traffic()
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    for number in range(count):
        at = begin + timedelta(milliseconds=10 * number)
        lot = chance.random()
        if lot < 0.03:
            value = b'{"broken": %d' % number
            traffic.broken.append(value)
            partition = chance.randrange(partitions)
            headers = (("content-type", b"application/cloudevents+json"),)
            traffic.records.append(
                Record("deals", partition, 0, int(at.timestamp() * 1000), b"broken", value, headers)
            )
            continue
        if lot < 0.15 and traffic.events:
            traffic.duplicates += 1
            event = replace(chance.choice(traffic.events[-500:]), timestamp=at)
        else:
            event = _event(chance, number, at, contacts)
        traffic.events.append(event)
        encode = chance.choice((structured_record, binary_record))
        traffic.records.append(encode(event, topic_of(event), partition_of(event, partitions), 0))
    return traffic


def partition_of(event: OracleRecord, partitions: int) -> int:
    """Return the partition of a contact, the same on every topic."""
    return zlib.crc32(str(event.subject).encode()) % partitions


def chunks(records: list[Record], number: int) -> Iterable[list[Record]]:
    """Divide records into this many parts of about one size."""
    size = -(-len(records) // number)
    return (records[start : start + size] for start in range(0, len(records), size))


def _event(chance: random.Random, number: int, at: datetime, contacts: int) -> OracleRecord:
    lateness = timedelta(minutes=10 * chance.randrange(6 * 24)) if chance.random() < 0.3 else timedelta()
    # Whole minutes, so that ties occur; a little before the record.
    occurred_at = (at - lateness).replace(second=0) - timedelta(minutes=chance.randrange(90))
    by_a_rep = chance.random() < 0.5
    # A hot few have most of the events.
    contact = int(contacts * chance.random() ** 2)
    return OracleRecord(
        id=f"e{number}",
        source="/crm",
        type=chance.choices(list(_TYPES), list(_TYPES.values()))[0],
        subject=f"contact-{contact}",
        time=occurred_at.isoformat(),
        accountid=chance.choices((*ACCOUNTS, "nobody"), (10, 5, 1))[0],
        actorid=f"rep-{chance.randrange(5)}" if by_a_rep else None,
        actortype="rep" if by_a_rep else None,
        objectid=f"object-{chance.randrange(3)}" if chance.random() < 0.5 else None,
        robot=True if chance.random() < 0.05 else None,
        timestamp=at,
    )
