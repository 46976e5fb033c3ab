"""Latency: from a record's acknowledgement by Kafka's producer call to its score-changed read by a subscriber.

Owns a steady load and the clock at both ends, in one process.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from bench.runs import running
from bench.traffic import ACCOUNT, CONTACTS, PARTITIONS
from schemas.vocabulary import SCORE_CHANGED_TOPIC

if TYPE_CHECKING:
    from bench.runs import Prepare
    from bench.servers import Servers

_TICK = 0.02
_WARM_UP = 3.0


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from `send` to the message read, by share of the events; events: how many were measured."""

    p50: float
    p99: float
    highest: float
    events: int
    rss: int


async def latency(
    servers: Servers,
    name: str,
    *,
    rate: int,
    seconds: float,
    template: str | None = None,
    prepare: Prepare | None = None,
) -> Latency:
    """Send so many events per second, each of which changes a score, and time each one's message.

    name: of the topics, used once. template, prepare: see `runs.subject`.
    """
    prefix = f"latency-{name}-"
    await servers.topics(prefix)
    database = await servers.database(*([template] if template else []))
    if prepare:
        await prepare(servers.dsn(database))
    sent: dict[str, float] = {}
    took: list[float] = []
    count = int(rate * (seconds + _WARM_UP))
    async with running(servers, database, prefix) as worker:
        reading = asyncio.create_task(_read(servers, prefix, sent, took, count))
        async with AIOKafkaProducer(bootstrap_servers=servers.bootstrap, linger_ms=0) as producer:
            await _send(producer, prefix, sent, count, rate)
            await producer.flush()
        async with asyncio.timeout(60):
            await reading
        rss = worker.rss()
    await servers.drop(database)
    measured = sorted(took[int(rate * _WARM_UP) :])
    return Latency(
        1000 * measured[len(measured) // 2],
        1000 * measured[int(len(measured) * 0.99)],
        1000 * measured[-1],
        len(measured),
        rss,
    )


async def _send(
    producer: AIOKafkaProducer, prefix: str, sent: dict[str, float], count: int, rate: int
) -> None:
    begun = time.monotonic()
    number = 0
    while number < count:
        due = min(count, int((time.monotonic() - begun) * rate))
        while number < due:
            contact = f"contact-{number * 7919 % CONTACTS}"
            event = {
                "specversion": "1.0",
                "id": str(number),
                "source": "/latency",
                "type": "email.clicked",
                "subject": contact,
                "time": datetime.now(UTC).isoformat(),
                "accountid": ACCOUNT,
                "data": {},
            }
            sent[str(number)] = time.monotonic()
            await producer.send(
                prefix + "emails",
                msgspec.json.encode(event),
                key=contact.encode(),
                partition=number % PARTITIONS,
                headers=[("content-type", b"application/cloudevents+json")],
            )
            number += 1
        await asyncio.sleep(_TICK)


async def _read(servers: Servers, prefix: str, sent: dict[str, float], took: list[float], count: int) -> None:
    async with AIOKafkaConsumer(
        bootstrap_servers=servers.bootstrap,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        fetch_max_wait_ms=100,
    ) as consumer:
        places = [TopicPartition(prefix + SCORE_CHANGED_TOPIC, number) for number in range(PARTITIONS)]
        consumer.assign(places)
        while len(took) < count:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                now = time.monotonic()
                for record in records:
                    events = json.loads(record.value)["data"]["events"]
                    took += [now - sent[event["id"]] for event in events]
