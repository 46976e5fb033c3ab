"""Watches Postgres and Kafka from the side, so that the process says within seconds that one of them is away.

Owns two tasks with connections of their own: a batch that waits for a frozen server cannot tell. Never
decides what to do about it; the path itself tries again until it succeeds.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiokafka.errors import KafkaError

from consumer.infra import kafka, postgres
from consumer.infra.postgres.connection_keeper import ConnectionKeeper

if TYPE_CHECKING:
    from consumer.infra.settings import Settings
    from consumer.infra.telemetry.health import Health

# A look each second, given up after two, is well below the five seconds that are promised.
EVERY = 1.0
PATIENCE = 2.0


async def watch_database(settings: Settings, health: Health) -> None:
    """Report 'database' to `health` about once a second, until cancelled."""
    health.expect("database", within=EVERY + 2 * PATIENCE)
    with ConnectionKeeper(
        lambda: postgres.connect(settings.dsn(), application_name="engagement-health")
    ) as database:
        while True:
            try:
                async with asyncio.timeout(PATIENCE):
                    await (await database.get()).execute("select 1")
                health.report("database", ok=True)
            except Exception as error:
                if postgres.retry_reason(error) is None:
                    raise
                health.report("database", ok=False, why=_line(error))
                database.drop()
            await asyncio.sleep(EVERY)


async def watch_kafka(settings: Settings, health: Health) -> None:
    """Report 'kafka' to `health` about once a second, until cancelled."""
    health.expect("kafka", within=EVERY + 2 * PATIENCE)
    while True:
        try:
            async with kafka.metadata_client(settings, "health", patience=PATIENCE) as client:
                while True:
                    async with asyncio.timeout(PATIENCE):
                        await client.fetch_all_metadata()
                    health.report("kafka", ok=True)
                    await asyncio.sleep(EVERY)
        except (KafkaError, OSError, TimeoutError) as error:
            health.report("kafka", ok=False, why=_line(error))
        await asyncio.sleep(EVERY)


def _line(error: BaseException) -> str:
    # aiokafka's own begin with their names.
    name = type(error).__name__
    return " ".join(f"{name}: {str(error).removeprefix(f'{name}: ')}".split()).removesuffix(":")[:300]
