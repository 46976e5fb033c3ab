"""Sets up what the demo needs, and removes it: both embedded servers, topics, schema, four accounts, settings."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import catalogs
from consumer import catalog
from consumer.demo.servers import EmbeddedBroker, EmbeddedPostgres
from consumer.demo.traffic.scenario import DEMO_ACCOUNTS, DISABLED_ACCOUNT
from consumer.infra import postgres
from consumer.infra.postgres.migrate import migrate
from consumer.infra.settings import Settings
from schemas.vocabulary import INPUT_TOPICS, OUTPUT_TOPICS
from sql import queries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine
    from datetime import datetime

PARTITIONS = 4

_ACME, _BIRCH, _COBALT = DEMO_ACCOUNTS
# The account with a retention horizon: its events dated before that are expired.
HORIZON_ACCOUNT = _COBALT


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """An account of the demo; settings: those that differ from the starting catalog, as YAML."""

    key: str
    name: str
    settings: str = ""


ACCOUNTS = (
    DemoAccount(_ACME, "Acme Inc."),
    DemoAccount(_BIRCH, "Birch & Sons", "sales: false\ncount_robots: true\n"),
    DemoAccount(_COBALT, "Cobalt Studio", "sales: false\ntime_zone: Europe/Paris\n"),
    DemoAccount(DISABLED_ACCOUNT, "Dormant Ltd", "engagement: false\n"),
)


@asynccontextmanager
async def demo_environment(horizon: datetime) -> AsyncIterator[Settings]:
    """Start everything and yield the settings of a worker that uses it; remove everything at the end.

    horizon: the retention horizon of HORIZON_ACCOUNT. Raises ServerFailedError if a server does not start.
    """
    database = EmbeddedPostgres()
    with EmbeddedBroker() as broker:
        try:
            await _complete(database.start())
            for topic in (*INPUT_TOPICS, *OUTPUT_TOPICS):
                broker.create_topic(topic, PARTITIONS)
            await migrate(database.dsn)
            await _create_accounts(database.dsn, horizon)
            yield _settings(database.dsn, broker.bootstrap)
        finally:
            await _complete(database.stop())


async def _complete(step: Coroutine[Any, Any, None]) -> None:
    """Complete a step before a cancellation takes effect: half a step would leave files and processes."""
    task = asyncio.ensure_future(step)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def _settings(dsn: str, bootstrap: str) -> Settings:
    # An unused prefix: settings of a real installation are not meant for the demo.
    return Settings(
        _env_prefix="ENGAGEMENT_DEMO_IGNORES_ALL_",
        database_url=dsn,
        kafka_bootstrap=bootstrap,
        http_host="127.0.0.1",
        http_port=0,
        relay="plain",
    )


async def _create_accounts(dsn: str, horizon: datetime) -> None:
    connection = await postgres.connect(dsn)
    try:
        for account in ACCOUNTS:
            await _apply(connection, catalogs.starting(account.key, account.name))
            if account.settings:
                await _apply(connection, f"engagement_catalog: 1\naccount: {account.key}\n{account.settings}")
        async with postgres.configuration_change(connection, HORIZON_ACCOUNT):
            await connection.execute(queries("demo")["set_horizon"], HORIZON_ACCOUNT, horizon)
    finally:
        await connection.close()


async def _apply(connection: postgres.Connection, text: str) -> None:
    await catalog.apply_document(connection, await catalog.parse_against_stored(connection, text))
