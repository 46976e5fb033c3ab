"""Fixtures for every test: databases with the schema in them, topics of one's own, lines in the summary.

Owns databases and topic names. Never starts a server; tests/plugin_servers.py does, when one is asked for.
"""

from __future__ import annotations

import itertools
import uuid
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

import asyncpg
import hypothesis
import pytest

from consumer.infra.postgres.migrate import migrate
from consumer.relay.change_shards import change_shards
from tests.kafka.installation import Installation

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping

    from tests.servers.broker import KafkaServer
    from tests.servers.postgres import PostgresServer

pytest_plugins = ["tests.plugin_servers"]

# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")

_numbers = itertools.count(1)
# A server named by the environment may hold databases and topics of another run at the same time.
_RUN = uuid.uuid4().hex[:6]


class CreateTopics(Protocol):
    """Create topics on this run's broker, and return once clients can see them."""

    async def __call__(
        self, names: Iterable[str], *, partitions: int = 1, settings: Mapping[str, str] | None = None
    ) -> None: ...


@dataclass(frozen=True)
class Databases:
    """Makes databases on the server of this run, over one connection: two for each would cost a third more."""

    server: str
    administrator: asyncpg.Connection[asyncpg.Record]

    @asynccontextmanager
    async def created(self, name: str, template: str = "template0") -> AsyncIterator[str]:
        """Give the address of a new database, which is dropped at the end."""
        # By files, not through the WAL: half of the CPU for a database as small as this.
        await self.administrator.execute(f'create database "{name}" template "{template}" strategy file_copy')
        try:
            yield urlsplit(self.server)._replace(path=f"/{name}").geturl()
        finally:
            await self.administrator.execute(f'drop database "{name}" with (force)')


@pytest.fixture(scope="session")
async def databases(postgres_server: PostgresServer) -> AsyncIterator[Databases]:
    """Give what makes databases; one test at a time uses it."""
    administrator = await asyncpg.connect(postgres_server.dsn)
    yield Databases(postgres_server.dsn, administrator)
    await administrator.close()


@pytest.fixture(scope="session")
async def template_database(databases: Databases) -> AsyncIterator[str]:
    """Name a database that has the schema and nothing else; others are copies of it."""
    name = f"engagement_test_{_RUN}_template"
    async with databases.created(name) as dsn:
        await migrate(dsn)
        connection = await asyncpg.connect(dsn)
        # Several, so that what is done by shard is tested with more than one.
        await change_shards(connection, 4)
        await connection.close()
        # A copy fails while any client, autovacuum included, is connected to the template.
        await databases.administrator.execute(f'alter database "{name}" with allow_connections false')
        yield name


@pytest.fixture
async def database(databases: Databases, template_database: str) -> AsyncIterator[str]:
    """Give the address of a database of this test's own, migrated and empty."""
    async with databases.created(_database_name(), template_database) as dsn:
        yield dsn


@pytest.fixture(scope="module")
async def module_database(databases: Databases, template_database: str) -> AsyncIterator[str]:
    """Give the address of a database that this module's tests share, migrated and empty at first."""
    async with databases.created(_database_name(), template_database) as dsn:
        yield dsn


@pytest.fixture
async def empty_database(databases: Databases) -> AsyncIterator[str]:
    """Give the address of a database of this test's own without the schema."""
    async with databases.created(_database_name()) as dsn:
        yield dsn


@pytest.fixture(scope="module")
async def empty_module_database(databases: Databases) -> AsyncIterator[str]:
    """Give the address of a database that this module's tests share, without the schema at first."""
    async with databases.created(_database_name()) as dsn:
        yield dsn


@pytest.fixture
async def connection(database: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """One connection to `database`."""
    opened = await asyncpg.connect(database)
    yield opened
    await opened.close()


@pytest.fixture
def topic_prefix() -> str:
    """Give a prefix for topics that no other test has, in this run or another on the same broker."""
    return f"t{next(_numbers)}-{_RUN}-"


@pytest.fixture
async def installation(
    kafka_server: KafkaServer, database: str, topic_prefix: str
) -> AsyncIterator[Installation]:
    """Give an installation on the servers of this run, without topics and accounts yet."""
    made = Installation(database, kafka_server.bootstrap, topic_prefix)
    yield made
    made.database.close()


@pytest.fixture
def create_topics(kafka_server: KafkaServer) -> CreateTopics:
    """Create topics by their full names, prefix included."""

    async def create(
        names: Iterable[str], *, partitions: int = 1, settings: Mapping[str, str] | None = None
    ) -> None:
        await kafka_server.create_topics(names, partitions=partitions, settings=settings)

    return create


def _database_name() -> str:
    return f"engagement_test_{_RUN}_{next(_numbers)}"
