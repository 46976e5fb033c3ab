"""The traffic of all measurements: drawn from a seed, laid into topics once, and read by floor and subject alike.

Owns the events, the catalog they are judged by, and sending them. Knows nothing of who reads them.
"""

from __future__ import annotations

import asyncio
import bisect
import itertools
import random
import zlib
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from aiokafka import AIOKafkaProducer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ACCOUNT = "bench"
CONTACTS = 100_000
REPS = 200
PARTITIONS = 6
DUPLICATE = "bench-duplicate"
_WITH_ACTOR = 0.5
_IN_FLIGHT = 20_000
_CONTENT_TYPE = ("content-type", b"application/cloudevents+json")


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of event. share: of the traffic. definitions: keys of those that take it."""

    type: str
    topic: str
    share: int
    definitions: tuple[str, ...]


KINDS = (
    Kind("message.received", "messages", 24, ("reply", "conversation")),
    Kind("message.sent", "messages", 16, ("sent",)),
    Kind("email.opened", "emails", 16, ("opened",)),
    Kind("email.clicked", "emails", 8, ("clicked",)),
    Kind("track.page_viewed", "tracked", 16, ("page",)),
    Kind("deal.stage_changed", "deals", 5, ("stage",)),
    Kind("deal.won", "deals", 2, ("won",)),
    Kind("booking.completed", "bookings", 4, ("visit",)),
    Kind("payment.succeeded", "payments", 4, ("paid",)),
    Kind("followup.completed", "followups", 3, ("followup",)),
    Kind("order.placed", "sales", 2, ("order",)),
)
TOPICS = tuple(dict.fromkeys(kind.topic for kind in KINDS))


def _definition(key: str, group: str, points: int, policy: str, xp: int = 0) -> dict[str, Any]:
    """policy: 'always', 'once OBJECT|CONTACT', 'cooldown INTERVAL OBJECT|CONTACT'."""
    name, *rest = policy.split()
    dedup: dict[str, Any] = {"policy": name}
    if name == "cooldown":
        dedup["interval"] = rest.pop(0)
    if rest:
        dedup["per"] = rest[0]
    events = [kind.type for kind in KINDS if key in kind.definitions]
    return {
        "key": key,
        "name": key.title(),
        "group": group,
        "icon": "star",
        "default_points": points,
        "events": events,
        "dedup": dedup,
        "xp": xp,
    }


DEFINITIONS = (
    _definition("reply", "support", 5, "cooldown 1h contact"),
    _definition("conversation", "support", 10, "once object"),
    _definition("sent", "support", 1, "cooldown 4h object", xp=2),
    _definition("opened", "marketing", 3, "cooldown 1d object"),
    _definition("clicked", "marketing", 8, "always"),
    _definition("page", "marketing", 1, "cooldown 30m contact"),
    _definition("stage", "purchase", 6, "cooldown 1h contact", xp=1),
    _definition("won", "purchase", 50, "once object", xp=20),
    _definition("visit", "purchase", 20, "always", xp=5),
    _definition("paid", "purchase", 25, "always"),
    _definition("followup", "support", 6, "once object", xp=3),
    _definition("order", "purchase", 30, "always"),
)


# Bounds and bands of overall, as in the starting catalog; and a bounded group too, and one apart with bands.
OVERALL: dict[str, Any] = {
    "overall": {
        "floor": 0,
        "cap": 100,
        "bands": [{"key": "cold"}, {"key": "warm", "min": 20}, {"key": "hot", "min": 50}],
    },
    "groups": {},
}
FRAMES: dict[str, Any] = {
    **OVERALL,
    "groups": {
        "marketing": {"cap": 40},
        "support": {"apart": True, "bands": [{"key": "C"}, {"key": "B", "min": 10}, {"key": "A", "min": 25}]},
    },
}


def document(**profile: Any) -> dict[str, Any]:
    """Return the catalog: twelve definitions, three groups, every policy, XP, one profile.

    profile: what it has more, FRAMES for example.
    """
    groups = ("support", "purchase", "marketing")
    return {
        "engagement_catalog": 1,
        "account": ACCOUNT,
        "name": "Bench",
        "engagement": True,
        "sales": True,
        "groups": [{"key": key, "name": key.title(), "icon": "star"} for key in groups],
        "definitions": list(DEFINITIONS),
        "profiles": [
            {
                "key": "lead_score",
                "name": "Lead score",
                "primary": True,
                "inherits": True,
                "published": True,
                **profile,
            }
        ],
    }


@dataclass(frozen=True, slots=True)
class Sent:
    """One record. duplicate: the event was sent before. event: as members of the envelope."""

    topic: str
    partition: int
    key: bytes
    value: bytes
    timestamp: int
    duplicate: bool
    event: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shape:
    """What is particular about a traffic.

    late: share of events that are; hot: share of one single contact; age: of the last event, and of its record.
    """

    late: float = 0.05
    duplicates: float = 0.03
    hot: float = 0.0
    spread: timedelta = timedelta(hours=2)
    age: timedelta = timedelta(0)


USUAL = Shape()


def draw(seed: int, count: int, shape: Shape = USUAL, *, begin: datetime | None = None) -> Iterator[Sent]:
    """Draw so many records, half of them with an actor, moving through `shape.spread` up to `shape.age` ago."""
    chance = random.Random(seed)
    shares = list(itertools.accumulate(kind.share for kind in KINDS))
    begin = begin or datetime.now(UTC) - shape.age - shape.spread
    step = shape.spread / count
    sent: deque[Sent] = deque(maxlen=5000)
    for number in range(count):
        at = begin + step * number
        if sent and chance.random() < shape.duplicates:
            earlier = chance.choice(sent)
            yield Sent(
                earlier.topic,
                earlier.partition,
                earlier.key,
                earlier.value,
                int(at.timestamp() * 1000),
                True,
                earlier.event,
            )
            continue
        kind = KINDS[bisect.bisect(shares, chance.randrange(shares[-1]))]
        made = _event(chance, kind, f"{seed}-{number}", at, shape)
        sent.append(made)
        yield made


def _event(chance: random.Random, kind: Kind, identifier: str, at: datetime, shape: Shape) -> Sent:
    occurred = at - timedelta(seconds=chance.random() * 5)
    if chance.random() < shape.late:
        occurred -= timedelta(minutes=chance.randrange(1, 3 * 24 * 60))
    # A skew: a tenth of the contacts has about half of the events.
    contact = 0 if chance.random() < shape.hot else int(CONTACTS * chance.random() ** 3.3)
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": identifier,
        "source": f"/{kind.topic}",
        "type": kind.type,
        "subject": f"contact-{contact}",
        "time": occurred.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "accountid": ACCOUNT,
        "objectid": f"object-{contact}-{chance.randrange(4)}",
        "datacontenttype": "application/json",
        "data": {
            "channel": "whatsapp",
            "amount": chance.randrange(1, 5000),
            "note": "as the service that published it saw it",
        },
    }
    if chance.random() < _WITH_ACTOR:
        event |= {"actorid": f"rep-{chance.randrange(REPS)}", "actortype": "rep"}
    subject = event["subject"].encode()
    return Sent(
        kind.topic,
        zlib.crc32(subject) % PARTITIONS,
        subject,
        msgspec.json.encode(event),
        int(at.timestamp() * 1000),
        False,
        event,
    )


async def lay(bootstrap: str, prefix: str, records: Iterable[Sent], *, compression: str = "lz4") -> None:
    """Send records to their topics, each partition's in order; duplicates are marked by a header.

    Keeps a few thousand in memory, so that millions can be sent as they are drawn.
    """
    async with AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        compression_type=compression,
        linger_ms=20,
        max_batch_size=256 << 10,
    ) as producer:
        futures: list[asyncio.Future[Any]] = []
        for sent in records:
            if len(futures) == _IN_FLIGHT:
                await asyncio.gather(*futures)
                futures.clear()
            headers = [_CONTENT_TYPE, (DUPLICATE, b"1")] if sent.duplicate else [_CONTENT_TYPE]
            futures.append(
                await producer.send(
                    prefix + sent.topic,
                    sent.value,
                    key=sent.key,
                    partition=sent.partition,
                    timestamp_ms=sent.timestamp,
                    headers=headers,
                )
            )
        await asyncio.gather(*futures)
