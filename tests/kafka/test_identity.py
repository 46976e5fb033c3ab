"""Joins and deletions from topic to topic: a worker carries them out, and readers see tombstones."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from tests.builders.catalog_documents import document
from tests.builders.events import event
from tests.builders.kafka_records import structured_record
from tests.kafka.worker_in_process import working
from tests.waiting import eventually

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection
    from tests.kafka.installation import Installation

pytestmark = pytest.mark.real_kafka

_AT = datetime(2026, 3, 2, 10, tzinfo=UTC)


async def _send(
    installation: Installation, topic: str, hour: int, *sent: tuple[str, str, str, dict[str, str]]
) -> None:
    """Send events from an hour on, a minute after each other: id, type, contact and data."""
    async with AIOKafkaProducer(bootstrap_servers=installation.bootstrap) as producer:
        for minute, (identity, type_, contact, data) in enumerate(sent):
            at = _AT.replace(hour=hour, minute=minute)
            made = event(
                identity,
                type=type_,
                subject=contact,
                time=at.isoformat(),
                timestamp=at,
                data=json.dumps(data),
            )
            record = structured_record(made, topic, 0, 0)
            await producer.send_and_wait(
                installation.prefix + topic,
                record.value,
                headers=list(record.headers),
                timestamp_ms=record.timestamp,
                partition=0,
            )


async def test_readers_see_the_end_of_a_contact(installation: Installation, connection: Connection) -> None:
    """A join ends the absorbed contact's messages in a tombstone, a deletion those of the deleted one."""
    await installation.create_topics(1)
    await installation.apply(document())
    async with working(installation):
        await _send(
            installation,
            "deals",
            10,
            *[(f"won-{contact}", "deal.won", contact, {}) for contact in ("ann", "bob", "cem")],
        )
        await eventually(lambda: _count(connection, "timeline", 3), within=20, what="the deals to be applied")
        await _send(
            installation,
            "contacts",
            11,
            ("m", "contact.merged", "bob", {"into": "ann"}),
            ("d", "contact.deleted", "cem", {}),
        )
        found = await _read(installation, until=lambda read: sum(value is None for _, value in read) == 2)

    def chain(contact: str) -> list[Any]:
        key = f"acme:lead_score:{contact}".encode()
        return [value and (value["causes"], value["overall"]) for at, value in found if at == key]

    won = (["events"], {"previous": 0, "current": 10})
    assert chain("bob") == [won, None]
    assert chain("ann")[:2] == [won, (["merge"], {"previous": 10, "current": 20})]
    assert chain("cem") == [won, None]


async def _count(connection: Connection, table: str, rows: int) -> bool:
    return bool(await connection.fetchval(f"select count(*) from {table}") == rows)


async def _read(installation: Installation, *, until: Any) -> list[tuple[bytes, dict[str, Any] | None]]:
    """Read the score-changed topic from its beginning until a condition on what was read holds."""
    place = TopicPartition(f"{installation.prefix}engagement.score-changed", 0)
    read: list[tuple[bytes, dict[str, Any] | None]] = []
    async with AIOKafkaConsumer(
        bootstrap_servers=installation.bootstrap, isolation_level="read_committed", auto_offset_reset="none"
    ) as consumer:
        consumer.assign([place])
        consumer.seek(place, 0)

        async def enough() -> bool:
            for record in (await consumer.getmany(place, timeout_ms=200)).get(place, []):
                value = None if record.value is None else json.loads(record.value)["data"]
                read.append((record.key or b"", value))
            return bool(until(read))

        await eventually(enough, within=20, what="the messages")
    return read
