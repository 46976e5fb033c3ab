"""Installations for the tests of the worker: on servers that may be broken.

Owns making and ending them. Never starts a worker.
"""

from __future__ import annotations

import asyncio
import gc
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from consumer.infra.postgres.migrate import migrate
from tests.builders.catalog_documents import document
from tests.kafka.broker_with_proxy import Proxied, broker_behind_proxy
from tests.kafka.installation import Installation
from tests.kafka.six_slices import SLICES
from tests.servers.faulty_postgres import FaultyPostgres

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.servers.broker import KafkaServer


@dataclass(frozen=True)
class Fragile:
    """An installation on a database server and a broker that a test may freeze, stop and kill."""

    installation: Installation
    postgres: FaultyPostgres
    kafka: KafkaServer


@pytest.fixture
async def observer(installation: Installation) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """Make the installation ready for six slices, and give a connection to look at its database."""
    await installation.create_topics(SLICES)
    await installation.apply(document())
    connection = await asyncpg.connect(installation.dsn)
    yield connection
    await connection.close()


@pytest.fixture(scope="session")
async def faulty_postgres() -> AsyncIterator[FaultyPostgres]:
    """Give a database server that may be frozen and restarted, started when the first test asks for it."""
    async with FaultyPostgres(fsync=False) as server:
        yield server


@pytest.fixture
async def fragile(
    faulty_postgres: FaultyPostgres, breakable_kafka: KafkaServer, topic_prefix: str
) -> AsyncIterator[Fragile]:
    """Give an installation on a database server and a broker that may be broken, in a database of its own."""
    name = f"fragile_{topic_prefix.partition('-')[0]}"
    connection = await asyncpg.connect(faulty_postgres.dsn)
    await connection.execute(f"create database {name} template template0")
    await connection.close()
    dsn = urlsplit(faulty_postgres.dsn)._replace(path=f"/{name}").geturl()
    await migrate(dsn)
    made = Installation(dsn, breakable_kafka.bootstrap, topic_prefix)
    yield Fragile(made, faulty_postgres, breakable_kafka)
    made.database.close()
    faulty_postgres.thaw()


@pytest.fixture(scope="session")
async def broker_and_proxy() -> AsyncIterator[Proxied]:
    """Give a broker with a proxy before it, started when the first test asks for it."""
    async with broker_behind_proxy() as proxied:
        yield proxied


@pytest.fixture
def proxied(broker_and_proxy: Proxied) -> Proxied:
    """Give that broker, and a proxy that does nothing yet."""
    broker_and_proxy.proxy.plans.clear()
    return broker_and_proxy


@pytest.fixture
async def nothing_unseen() -> AsyncIterator[None]:
    """Fail a test that leaves an exception never retrieved: a task's, or a future's when it is collected."""
    gc.collect()  # what tests before this one have left is not this one's
    unseen: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _loop, context: unseen.append(context))
    try:
        yield
        gc.collect()
        await asyncio.sleep(0)
    finally:
        loop.set_exception_handler(before)
    assert unseen == []
