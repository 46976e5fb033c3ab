"""That records made for tests look on the wire as semantics §2 says, in both modes.

Owns the proof of tests/builders/kafka_records.py. Never touches a broker.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

from tests.builders.kafka_records import binary_record, structured_record, topic_of
from tests.oracle import NULL, OracleRecord

RECORD = OracleRecord(
    id="evt-1",
    source="/crm",
    type="deal.won",
    subject=NULL,
    accountid="acme",
    actorid="ß",
    robot=True,
    data='{ "amount": 0.10 }',
    timestamp=datetime(2026, 3, 2, 10, 0, 0, 123000, tzinfo=UTC),
)


def test_structured_mode() -> None:
    """None is left out, NULL is null, and `data` is in the envelope byte for byte."""
    record = structured_record(RECORD, "deals", 3, 7)

    assert (record.topic, record.partition, record.offset, record.timestamp) == ("deals", 3, 7, 1772445600123)
    assert record.headers == (("content-type", b"application/cloudevents+json"),)
    assert record.value is not None
    assert b'"data": { "amount": 0.10 }' in record.value
    assert json.loads(record.value) == {
        "specversion": "1.0",
        "id": "evt-1",
        "source": "/crm",
        "type": "deal.won",
        "subject": None,
        "accountid": "acme",
        "actorid": "ß",
        "robot": True,
        "data": {"amount": 0.1},
    }


def test_binary_mode() -> None:
    """Attributes are headers, NULL a header without a value, and the value is `data` alone."""
    record = binary_record(RECORD, "deals", 3, 7)

    assert record.value == b'{ "amount": 0.10 }'
    assert dict(record.headers) == {
        "ce_specversion": b"1.0",
        "content-type": b"application/json",
        "ce_id": b"evt-1",
        "ce_source": b"/crm",
        "ce_type": b"deal.won",
        "ce_subject": None,
        "ce_accountid": b"acme",
        "ce_actorid": "ß".encode(),
        "ce_robot": b"true",
    }


def test_topics() -> None:
    """A type's topic is the one that the contract lists it under."""
    types = ("message.read", "deal.won", "order.placed", "track.page", "contact.upserted", "something.else")
    topics = ["messages", "deals", "sales", "tracked", "contacts", "tracked"]

    assert [topic_of(OracleRecord(type=type_)) for type_ in types] == topics
