"""The tracker: accepted calls per second of one process, single ones and in batches, and their latency.

The server is `engagement web --only tracker` as operators start it, with a real broker that acknowledges; the bare
floor is the same server answering 202 without doing anything. Both are kept on one core, load generator and broker
on the others; `busy` and `load_busy`, the shares of a core that server and generator used, show whether the server
was the limit.
"""

from __future__ import annotations

import json
import statistics
import time
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from bench import processes
from bench.http_load import Load, answers
from bench.served import Served, serving
from bench.session import console
from bench.traffic import ACCOUNT, PARTITIONS
from consumer.domain.tracker_keys import ending_of, hash_of, new_key, new_signing_secret
from sql import queries

if TYPE_CHECKING:
    from bench.session import Bench

OUT = Path(__file__).parent / "out" / "tracker.json"
_WARM_UP, _SECONDS, _RATE = 3.0, 6.0, 500
# Enough that calls come while others wait for Kafka: with 64 the server was idle for a tenth of the time.
_CONNECTIONS = 128
# Different requests, contacts, and events of a batch.
_REQUESTS, _CONTACTS, _BATCH = 500, 2_000, 100
_UNLIMITED = 100_000
_PREFIX = "bench-tracker-"


async def tracker(bench: Bench) -> None:
    """Send single calls and batches to one process of the tracker, beside the same server that does nothing."""
    database = await bench.servers.database()
    dsn = bench.servers.dsn(database)
    key = await _token(dsn)
    await bench.servers.topics(_PREFIX)
    single, batches = _single(key), _batches(key)
    settings = {
        "database_url": dsn,
        "kafka_bootstrap": bench.servers.bootstrap,
        "topic_prefix": _PREFIX,
    }
    with serving(["-m", "consumer", "web", "--only", "tracker"], **settings) as served:
        with serving(["-m", "bench.bare_tracker"]) as bare:
            own, others = processes.two_shares()
            served.pin(own)
            bare.pin(own)
            bench.servers.pin(others)
            runs = [await _run(served, bare, single, batches, others) for _ in range(bench.repeats)]
        accepted = _accepted(served.port)
    stored = await _stored(bench.servers.bootstrap)
    if accepted != stored:
        raise RuntimeError(f"{accepted:.0f} events were accepted, {stored} are in Kafka")
    found = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    _show(found, stored)
    bench.results["tracker"] = found
    OUT.parent.mkdir(exist_ok=True)
    result = {**found, "connections": _CONNECTIONS, "steady": _RATE, "events_in_kafka": stored, "runs": runs}
    OUT.write_text(json.dumps(result, indent=2) + "\n")
    await bench.servers.drop(database)


async def _run(
    served: Served,
    bare: Served,
    single: tuple[bytes, ...],
    batches: tuple[bytes, ...],
    cores: frozenset[int],
) -> dict[str, float]:
    floor = await _measured(bare, single, cores)
    subject = await _measured(served, single, cores)
    many = await _measured(served, batches, cores)
    steady = await answers(Load(served.port, single, _SECONDS, _RATE, cores=cores))
    return {
        "ratio_to_bare": subject.rate / floor.rate,
        "requests_per_second": subject.rate,
        "bare_per_second": floor.rate,
        "batch_events_per_second": many.rate * _BATCH,
        "p50_ms_at_500": steady.percentile(0.5),
        "p99_ms_at_500": steady.percentile(0.99),
        "cpu_us": subject.cpu_us,
        "bare_cpu_us": floor.cpu_us,
        "cpu_ratio": floor.cpu_us / subject.cpu_us,
        "busy": subject.busy,
        "bare_busy": floor.busy,
        "load_busy": subject.load_busy,
        "bare_load_busy": floor.load_busy,
    }


@dataclass(frozen=True, slots=True)
class _Measured:
    """Answers a second, CPU µs of the server for each, and the shares of a core that server and generator used."""

    rate: float
    cpu_us: float
    busy: float
    load_busy: float


async def _measured(server: Served, requests: tuple[bytes, ...], cores: frozenset[int]) -> _Measured:
    load = Load(server.port, requests, _SECONDS, connections=_CONNECTIONS, cores=cores)
    await answers(replace(load, seconds=_WARM_UP))
    before = server.cpu()
    found = await answers(load)
    spent = server.cpu() - before
    return _Measured(found.rate, 1e6 * spent / len(found.milliseconds), spent / found.seconds, found.busy)


async def _token(dsn: str) -> str:
    """Create a token without limits that a load could reach, and return its key."""
    statements = queries("tracker_tokens")
    key = new_key()
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            revision = await connection.fetchval(statements["raise_revision"])
            account = await connection.fetchval("select id from accounts where key = $1", ACCOUNT)
            limits = (10 * _UNLIMITED, 10 * _UNLIMITED, 1000 * _UNLIMITED)
            settings: tuple[Any, ...] = ("bench", [], [], False, False, False, [], *limits)
            token = await connection.fetchval(statements["create"], account, revision, *settings)
            secret = new_signing_secret()
            await connection.execute(statements["add_key"], token, hash_of(key), ending_of(key), secret)
    finally:
        await connection.close()
    return key


def _single(key: str) -> tuple[bytes, ...]:
    """Return calls as Segment's library for browsers sends them."""
    return tuple(
        _post("/v1/t", {**_call(number), "writeKey": key, "sentAt": _now()}) for number in range(_REQUESTS)
    )


def _batches(key: str) -> tuple[bytes, ...]:
    """Return batches as libraries of servers send them."""
    return tuple(
        _post(
            "/v1/batch",
            {
                "batch": [_call(number * _BATCH + inner) for inner in range(_BATCH)],
                "writeKey": key,
                "sentAt": _now(),
            },
        )
        for number in range(_REQUESTS // 10)
    )


def _call(number: int) -> dict[str, Any]:
    return {
        "type": "track",
        "event": "Product Viewed",
        "messageId": f"ajs-next-{uuid.uuid4()}",
        "anonymousId": str(uuid.uuid5(uuid.NAMESPACE_URL, str(number % _CONTACTS))),
        "timestamp": _now(),
        "properties": {"product": f"sku-{number % 300}", "price": 17.5, "currency": "EUR"},
        "context": {
            "page": {
                "path": "/hats/top",
                "referrer": "https://search.example/",
                "search": "?utm_source=mail&session=secret",
                "title": "Hats",
                "url": "https://shop.example/hats/top?utm_source=mail&session=secret",
            },
            "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36",
            "locale": "en-GB",
            "library": {"name": "analytics.js", "version": "next-1.70.0"},
            "timezone": "Europe/Berlin",
        },
        "integrations": {},
    }


def _post(path: str, body: dict[str, Any]) -> bytes:
    content = json.dumps(body, separators=(",", ":")).encode()
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: track.example",
        "Content-Type: text/plain",
        "Origin: https://shop.example",
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36",
        "Accept: */*",
        "Accept-Encoding: gzip, deflate, br",
        f"Content-Length: {len(content)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + content


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())


async def _stored(bootstrap: str) -> int:
    """Return how many records the topic has."""
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap) as consumer:
        places = [TopicPartition(f"{_PREFIX}tracked", number) for number in range(PARTITIONS)]
        return sum((await consumer.end_offsets(places)).values())


def _accepted(port: int) -> float:
    """Return how many events the tracker says it has accepted."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith('engagement_tracker_events_total{result="accepted"}'):
                return float(line.rpartition(" ")[2])
    return 0.0


def _show(found: dict[str, float], stored: int) -> None:
    console.print(
        f"single calls {found['requests_per_second']:,.0f}/s, bare {found['bare_per_second']:,.0f}/s, "
        f"{found['ratio_to_bare']:.2f} of it; CPU {found['cpu_us']:.0f} µs, bare {found['bare_cpu_us']:.0f} µs, "
        f"{found['cpu_ratio']:.2f} the other way round"
    )
    console.print(
        f"of a core: tracker {found['busy']:.2f}, its load {found['load_busy']:.2f}; "
        f"bare {found['bare_busy']:.2f}, its load {found['bare_load_busy']:.2f}"
    )
    console.print(f"in batches of {_BATCH}: {found['batch_events_per_second']:,.0f} events/s")
    console.print(
        f"at {_RATE} calls/s: p50 {found['p50_ms_at_500']:.1f} ms, p99 {found['p99_ms_at_500']:.1f} ms; "
        f"{stored:,} events accepted, all of them in Kafka"
    )
