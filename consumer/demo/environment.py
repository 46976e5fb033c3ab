"""The stage: both embedded servers, the topics, the schema, four accounts and the settings of the worker.

Owns what has to be there before the first event, and taking it all away. Never feeds or reads anything.
"""

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
from schemas.names import INPUT_TOPICS, OUTPUT_TOPICS
from sql import queries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine
    from datetime import datetime

PARTITIONS = 4

_ACME, _BIRCH, _COBALT = DEMO_ACCOUNTS
# The account whose retention horizon is set, so that events dated before it are expired.
HORIZON_ACCOUNT = _COBALT


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the demo; settings: what differs from the starting catalog's, as YAML."""

    key: str
    name: str
    settings: str = ""


ACCOUNTS = (
    Account(_ACME, "Acme Inc."),
    Account(_BIRCH, "Birch & Sons", "sales: false\ncount_robots: true\n"),
    Account(_COBALT, "Cobalt Studio", "sales: false\ntime_zone: Europe/Paris\n"),
    Account(DISABLED_ACCOUNT, "Dormant Ltd", "engagement: false\n"),
)


@asynccontextmanager
async def raised(horizon: datetime) -> AsyncIterator[Settings]:
    """Start everything and give the settings of a worker on it; afterwards nothing of it is left.

    horizon: of the account HORIZON_ACCOUNT. Raises ServerFailedError where a server does not start.
    """
    database = EmbeddedPostgres()
    with EmbeddedBroker() as broker:
        try:
            await _undisturbed(database.start())
            for topic in (*INPUT_TOPICS, *OUTPUT_TOPICS):
                broker.create_topic(topic, PARTITIONS)
            await migrate(database.dsn)
            await _open_accounts(database.dsn, horizon)
            yield _settings(database.dsn, broker.bootstrap)
        finally:
            await _undisturbed(database.stop())


async def _undisturbed(step: Coroutine[Any, Any, None]) -> None:
    """Let a step end before a cancellation takes effect: half of it would leave files and processes behind."""
    task = asyncio.ensure_future(step)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def _settings(dsn: str, bootstrap: str) -> Settings:
    # Under a prefix that nobody uses: what is set for a real installation is not meant for the demo.
    return Settings(
        _env_prefix="ENGAGEMENT_DEMO_IGNORES_ALL_",
        database_url=dsn,
        kafka_bootstrap=bootstrap,
        http_host="127.0.0.1",
        http_port=0,
        relay="plain",
    )


async def _open_accounts(dsn: str, horizon: datetime) -> None:
    connection = await postgres.connect(dsn)
    try:
        for account in ACCOUNTS:
            await _apply(connection, catalogs.starting(account.key, account.name))
            if account.settings:
                await _apply(connection, f"engagement_catalog: 1\naccount: {account.key}\n{account.settings}")
        async with postgres.configuration_change(connection):
            await connection.execute(queries("demo")["set_horizon"], HORIZON_ACCOUNT, horizon)
    finally:
        await connection.close()


async def _apply(connection: postgres.Connection, text: str) -> None:
    await catalog.apply_document(connection, await catalog.parse_against_stored(connection, text))
