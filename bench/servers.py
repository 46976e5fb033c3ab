"""The servers of a measurement: those of the tests, but durable, on disk, with nothing else on them.

Owns their lives and their settings, and what a run has to know of their processes.
"""

from __future__ import annotations

import itertools
import os
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import asyncpg
import psutil

from bench import processes
from bench.traffic import PARTITIONS, TOPICS, document
from consumer.demo.servers import EmbeddedPostgres
from consumer.infra.postgres.migrate import migrate
from schemas.vocabulary import INPUT_TOPICS, MAX_SHARDS, OUTPUT_TOPICS, POSITIONS_TOPIC
from tests.pipeline.service import apply_document
from tests.servers.maven_kafka import MavenKafka

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

# As an operator would set them on a machine of this size; everything else is PostgreSQL's default.
POSTGRES = {
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "15min",
    "synchronous_commit": "on",
}
_READY = "bench_ready"


@dataclass
class Servers:
    """Kafka and PostgreSQL; databases are made from a template with schema and catalog."""

    postgres: EmbeddedPostgres
    kafka: MavenKafka
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    @property
    def bootstrap(self) -> str:
        """Where Kafka's clients start from."""
        return self.kafka.bootstrap

    def dsn(self, database: str) -> str:
        """Return how a database is connected to."""
        return urlsplit(self.postgres.dsn)._replace(path=f"/{database}").geturl()

    async def database(self, template: str = _READY) -> str:
        """Make a database that is like the template and return its name."""
        name = f"bench_{next(self._numbers)}"
        await self.execute(f"create database {name} template {template}")
        return name

    async def drop(self, database: str) -> None:
        """Remove a database and let the next run begin with nothing left to be written."""
        await self.execute(f"drop database {database} with (force)")
        await self.execute("checkpoint")

    async def topics(self, prefix: str) -> None:
        """Make the topics of one traffic; they keep records of any age."""
        inputs = [prefix + name for name in TOPICS]
        others = [prefix + name for name in INPUT_TOPICS if name not in TOPICS]
        outputs = [prefix + name for name in OUTPUT_TOPICS]
        await self.kafka.create_topics(
            [*inputs, *others, *outputs], partitions=PARTITIONS, settings={"retention.ms": "-1"}
        )
        await self.kafka.create_topics([prefix + POSITIONS_TOPIC], partitions=MAX_SHARDS)

    async def settings(self) -> dict[str, str]:
        """Return what has to be known of durability to believe a figure."""
        connection = await asyncpg.connect(self.postgres.dsn)
        try:
            shown = ("server_version", "fsync", "synchronous_commit", "full_page_writes", *POSTGRES)
            found = {name: await connection.fetchval(f"show {name}") for name in dict.fromkeys(shown)}
        finally:
            await connection.close()
        return {**found, "kafka": self.kafka.description, "partitions": str(PARTITIONS)}

    def cpu(self) -> tuple[float, float]:
        """Return the CPU seconds spent so far by PostgreSQL and by Kafka."""
        postgres = processes.family(psutil.Process(self.postgres.pid))
        return processes.cpu(postgres), processes.cpu([psutil.Process(self.kafka.pid)])

    def pin(self, cores: frozenset[int]) -> None:
        """Keep both on some cores, for good."""
        for each in (*processes.family(psutil.Process(self.postgres.pid)), psutil.Process(self.kafka.pid)):
            processes.pin(each, cores)

    async def execute(self, statement: str) -> None:
        """Run one statement outside any transaction, on no database in particular."""
        connection = await asyncpg.connect(self.postgres.dsn)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@asynccontextmanager
async def servers() -> AsyncIterator[Servers]:
    """Start both, with a template that has the schema and the catalog of the traffic."""
    kafka = MavenKafka({"log.flush.interval.messages": "9223372036854775807"})
    async with EmbeddedPostgres(fsync=True, settings=POSTGRES) as postgres:
        await kafka.start()
        try:
            made = Servers(postgres, kafka)
            await made.execute(f"create database {_READY}")
            await migrate(made.dsn(_READY))
            await apply_document(made.dsn(_READY), document())
            yield made
        finally:
            await kafka.close()


def environment(**settings: str) -> dict[str, str]:
    """Return this process's environment with settings of the worker."""
    return {**os.environ, **{f"ENGAGEMENT_{name.upper()}": value for name, value in settings.items()}}
