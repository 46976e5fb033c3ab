"""Latency: from the moment a record is given to Kafka's producer until a subscriber has read its score change.

Owns a steady load and the clock at both ends, in one process; the same for the worker and for the plain consumer.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from rich.table import Table

from bench.references import plain_running, plain_topic
from bench.runs import running
from bench.session import console
from bench.traffic import ACCOUNT, CONTACTS, PARTITIONS
from schemas.vocabulary import SCORE_CHANGED_TOPIC

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.runs import Prepare
    from bench.servers import Servers
    from bench.session import Bench

_TICK = 0.02
_WARM_UP = 3.0
_SECONDS = 10.0
_SHOWN = ("p50", "p99", "highest")


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from `send` to the message read, by share of the events; events: how many were measured."""

    p50: float
    p99: float
    highest: float
    events: int
    rss: int


async def latency_(bench: Bench) -> None:
    """Milliseconds from a record produced to its score change read, worker and plain consumer in turn, by rate."""
    found = bench.results["latency_ms"] = {}
    for rate in bench.rates:
        measured: dict[str, list[Latency]] = {"plain": [], "worker": []}
        for number in range(bench.repeats):
            name = f"{rate}-{number}"
            measured["plain"].append(await plain_latency(bench.servers, name, rate=rate, seconds=_SECONDS))
            measured["worker"].append(await latency(bench.servers, name, rate=rate, seconds=_SECONDS))
            shown = (
                f"{who} {runs_of[-1].p50:.0f} / {runs_of[-1].p99:.0f}" for who, runs_of in measured.items()
            )
            console.print(f"  {rate:,} events/s, p50 / p99 in ms: {', '.join(shown)}", style="dim")
        found[str(rate)] = {who: _medians(runs_of) for who, runs_of in measured.items()}
        _show(rate, measured)
        bench.note_memory(max(one.rss for one in measured["worker"]))


def _medians(runs_of: Sequence[Latency]) -> dict[str, float]:
    return {name: statistics.median(getattr(one, name) for one in runs_of) for name in _SHOWN}


def _show(rate: int, measured: Mapping[str, Sequence[Latency]]) -> None:
    """Print median, minimum and maximum of each."""
    table = Table(box=None, title=f"latency at {rate:,} events/s, ms", title_justify="left")
    table.add_column("")
    for name in _SHOWN:
        table.add_column(name, justify="right")
    for who, runs_of in measured.items():
        cells = []
        for name, median in _medians(runs_of).items():
            values = [getattr(one, name) for one in runs_of]
            cells.append(f"{median:.0f} ({min(values):.0f} to {max(values):.0f})")
        table.add_row(who, *cells)
    console.print(table)


async def latency(
    servers: Servers,
    name: str,
    *,
    rate: int,
    seconds: float,
    template: str | None = None,
    prepare: Prepare | None = None,
) -> Latency:
    """Send so many events per second to a worker, each of which changes a score, and time each one's message.

    name: of the topics, used once. template, prepare: see `runs.subject`.
    """
    prefix = f"latency-{name}-"
    await servers.topics(prefix)
    database = await servers.database(*([template] if template else []))
    if prepare:
        await prepare(servers.dsn(database))
    async with running(servers, database, prefix) as worker:
        took = await _timed(servers, prefix, prefix + SCORE_CHANGED_TOPIC, rate, seconds)
        rss = worker.rss()
    await servers.drop(database)
    return _latency(took, rss)


async def plain_latency(servers: Servers, name: str, *, rate: int, seconds: float) -> Latency:
    """Do the same to a plain consumer."""
    prefix = f"plain-latency-{name}-"
    await servers.topics(prefix)
    output = await plain_topic(servers, prefix)
    async with plain_running(servers, prefix, output):
        return _latency(await _timed(servers, prefix, output, rate, seconds))


async def _timed(servers: Servers, prefix: str, output: str, rate: int, seconds: float) -> list[float]:
    """Return the seconds that each event took to its message on a topic, those of the warm-up left out."""
    sent: dict[str, float] = {}
    took: list[float] = []
    count = int(rate * (seconds + _WARM_UP))
    reading = asyncio.create_task(_read(servers, output, sent, took, count))
    async with AIOKafkaProducer(bootstrap_servers=servers.bootstrap, linger_ms=0) as producer:
        await _send(producer, prefix, sent, count, rate)
        await producer.flush()
    async with asyncio.timeout(60):
        await reading
    return took[int(rate * _WARM_UP) :]


def _latency(took: list[float], rss: int = 0) -> Latency:
    measured = sorted(took)
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


async def _read(servers: Servers, topic: str, sent: dict[str, float], took: list[float], count: int) -> None:
    async with AIOKafkaConsumer(
        bootstrap_servers=servers.bootstrap,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        fetch_max_wait_ms=100,
    ) as consumer:
        places = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        consumer.assign(places)
        while len(took) < count:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                now = time.monotonic()
                for record in records:
                    events = json.loads(record.value)["data"]["events"]
                    took += [now - sent[event["id"]] for event in events if event["id"] in sent]
