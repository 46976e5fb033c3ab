"""Runs of what the worker is compared with: the floor, and the plain consumer, each a process of its own.

Owns starting them, checking what the plain consumer did, and what they spent. Never compares two runs.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from bench.figures import Figures, count
from bench.plain_oracle import Published, compare_plain
from bench.traffic import KINDS, PARTITIONS, TOPICS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from bench.plain_oracle import PlainExpected
    from bench.servers import Servers

_ROOT = Path(__file__).parents[1]


async def floor(servers: Servers, prefix: str, *, with_key: bool = False) -> Figures:
    """Copy everything through."""
    definitions = {kind.type: list(range(1, 1 + len(kind.definitions))) for kind in KINDS}
    asked = ["--topics", json.dumps({"topics": TOPICS, "definitions": definitions})]
    asked += ["--partitions", str(PARTITIONS), *(["--with-key"] if with_key else [])]
    async with _database(servers) as (database, connection):
        return await _measure(servers, connection, "bench.floor", database, prefix, *asked)


async def plain(servers: Servers, prefix: str, expected: PlainExpected) -> Figures:
    """Let the plain consumer process everything, and compare what it stored and published with what it should."""
    async with _database(servers) as (database, connection):
        output = await plain_topic(servers, database)
        asked = ["--group", database, "--output", output]
        measured = await _measure(servers, connection, "bench.plain", database, prefix, *asked)
        if wrong := await compare_plain(connection, await _published(servers, output), expected):
            raise RuntimeError(f"the plain consumer is wrong about {', '.join(wrong)}")
    return measured


@asynccontextmanager
async def plain_running(servers: Servers, prefix: str, output: str) -> AsyncIterator[None]:
    """Give a plain consumer that reads along, for measurements that feed it themselves."""
    async with _database(servers) as (database, _):
        asked = ["--group", database, "--output", output, "--follow"]
        async with _started(servers, "bench.plain", database, prefix, *asked):
            yield


async def plain_topic(servers: Servers, name: str) -> str:
    """Make the topic of score changes of one run, and return its name."""
    topic = f"{name}.plain.score-changed"
    await servers.kafka.create_topics([topic], partitions=PARTITIONS)
    return topic


@asynccontextmanager
async def _database(servers: Servers) -> AsyncIterator[tuple[str, asyncpg.Connection[asyncpg.Record]]]:
    """Give a database without tables, and a connection to it."""
    database = await servers.database("template1")
    connection = await asyncpg.connect(servers.dsn(database))
    try:
        yield database, connection
    finally:
        await connection.close()
        await servers.drop(database)


@asynccontextmanager
async def _started(
    servers: Servers, module: str, database: str, prefix: str, *asked: str
) -> AsyncIterator[Callable[[], Awaitable[bytes]]]:
    """Give the next line of a program that is ready; it is ended at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module,
        "--dsn", servers.dsn(database),
        "--bootstrap", servers.bootstrap,
        "--prefix", prefix,
        *asked,
        cwd=_ROOT,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    output = process.stdout

    async def line() -> bytes:
        if said := await output.readline():
            return said
        raise RuntimeError(f"{module} ended with {await process.wait()}")

    try:
        await line()
        yield line
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _measure(
    servers: Servers,
    connection: asyncpg.Connection[asyncpg.Record],
    module: str,
    database: str,
    prefix: str,
    *asked: str,
) -> Figures:
    async with _started(servers, module, database, prefix, *asked) as line:
        before = await count(servers, connection)
        said = json.loads(await line())
        after = await count(servers, connection)
    cpu = {"program": said.pop("cpu_seconds")}
    return Figures.between(before, after, cpu=cpu, **said)


async def _published(servers: Servers, topic: str) -> Published:
    """Read everything that a topic of score changes holds."""
    found = Published()
    async with AIOKafkaConsumer(
        bootstrap_servers=servers.bootstrap, isolation_level="read_committed", auto_offset_reset="earliest"
    ) as consumer:
        places = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        consumer.assign(places)
        left = sum((await consumer.end_offsets(places)).values())
        while left:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                left -= len(records)
                for record in records:
                    found.add(record.value)
    return found
