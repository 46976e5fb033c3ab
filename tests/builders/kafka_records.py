"""Real Kafka records made of the oracle's: the same event in either encoding of semantics §2.

Owns how an event looks on the wire. Never judges whether it is a good one.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from consumer.domain.model import Record
from tests.oracle import NULL, OracleRecord

TOPIC_BY_PREFIX = {
    "message": "messages",
    "deal": "deals",
    "followup": "followups",
    "booking": "bookings",
    "payment": "payments",
    "order": "sales",
    "email": "emails",
    "track": "tracked",
    "contact": "contacts",
}
ATTRIBUTES = (
    "specversion",
    "id",
    "source",
    "type",
    "subject",
    "time",
    "accountid",
    "actorid",
    "actortype",
    "objectid",
    "robot",
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def topic_of(record: OracleRecord) -> str:
    """Return the topic of its type; unknown types go to `tracked`."""
    return TOPIC_BY_PREFIX.get(str(record.type).partition(".")[0], "tracked")


def structured_record(record: OracleRecord, topic: str, partition: int, offset: int) -> Record:
    """Make a record in structured mode; None is left out, NULL is null, `data` goes byte for byte."""
    if record.tombstone:
        return _tombstone(record, topic, partition, offset)
    members = []
    for name in ATTRIBUTES:
        value = getattr(record, name)
        if value is not None:
            members.append(f'"{name}": {json.dumps(None if value is NULL else value, ensure_ascii=False)}')
    if record.data is not None:
        members.append(f'"data": {record.data}')
    return Record(
        topic,
        partition,
        offset,
        timestamp=_milliseconds(record.timestamp),
        key=_key(record),
        value=_bytes("{" + ", ".join(members) + "}"),
        headers=(("content-type", b"application/cloudevents+json"),),
    )


def binary_record(record: OracleRecord, topic: str, partition: int, offset: int) -> Record:
    """Make a record in binary mode; None is left out, NULL is a header without a value."""
    if record.tombstone:
        return _tombstone(record, topic, partition, offset)
    headers: list[tuple[str, bytes | None]] = [
        ("content-type", b"application/json"),
    ]
    for name in ATTRIBUTES:
        value = getattr(record, name)
        if value is not None:
            text = value if isinstance(value, str) else json.dumps(None if value is NULL else value)
            headers.append((f"ce_{name}", None if value is NULL else _bytes(text)))
    return Record(
        topic,
        partition,
        offset,
        timestamp=_milliseconds(record.timestamp),
        key=_key(record),
        value=None if record.data is None else _bytes(record.data),
        headers=tuple(headers),
    )


def _tombstone(record: OracleRecord, topic: str, partition: int, offset: int) -> Record:
    return Record(topic, partition, offset, _milliseconds(record.timestamp), _key(record), None)


def _milliseconds(timestamp: datetime | None) -> int | None:
    return None if timestamp is None else (timestamp - EPOCH) // timedelta(milliseconds=1)


def _key(record: OracleRecord) -> bytes | None:
    """Key by contact, as producers do."""
    return _bytes(record.subject) if isinstance(record.subject, str) else None


def _bytes(text: str) -> bytes:
    # A lone surrogate has no UTF-8; its bytes pass as they would from a careless producer.
    return text.encode("utf-8", "surrogatepass")
