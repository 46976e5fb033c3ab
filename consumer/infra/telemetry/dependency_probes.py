"""Probes Postgres and Kafka once a second, so that health shows within seconds that one of them is down.

Each probe has a connection of its own: a batch that waits for a frozen server cannot report it. Probes only
report; batches retry until they succeed.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiokafka.errors import KafkaError

from consumer.infra import kafka, postgres
from consumer.infra.open_files import no_more_files
from consumer.infra.postgres.connection_keeper import ConnectionKeeper

if TYPE_CHECKING:
    from consumer.infra.clock import DatabaseClock
    from consumer.infra.settings import Settings
    from consumer.infra.telemetry.health import Health

_READ_ONLY = "select pg_is_in_recovery() or current_setting('transaction_read_only')::boolean"
_READ_ONLY_LINE = "accepts no writes: it is read-only, or a standby"

# Seconds. One probe a second with a timeout of two keeps within the five seconds that are promised.
INTERVAL = 1.0
TIMEOUT = 2.0


async def watch_database(
    settings: Settings,
    health: Health,
    *,
    writes: bool = True,
    clock: DatabaseClock | None = None,
    required: bool = True,
) -> None:
    """Report 'database' to `health` about once a second, until cancelled.

    writes: whether they are needed. clock: compared with the database's each time. required: see `Health.expect`.
    """
    health.expect("database", within=INTERVAL + 2 * TIMEOUT, required=required)
    with ConnectionKeeper(
        lambda: postgres.connect(settings.dsn(), application_name="engagement-health")
    ) as database:
        while True:
            try:
                async with asyncio.timeout(TIMEOUT):
                    connection = await database.get()
                    read_only = await connection.fetchval(_READ_ONLY)
                    if clock is not None:
                        began = clock.monotonic()
                        shown = await connection.fetchval("select clock_timestamp()")
                        clock.compare(shown, clock.monotonic() - began)
                health.report("database", ok=not (read_only and writes), why=_READ_ONLY_LINE)
                if read_only:
                    # The connection may lead to a server that was the primary one.
                    database.drop()
            except Exception as error:
                if postgres.retry_reason(error) is None:
                    raise
                health.report("database", ok=False, why=_line(error))
                database.drop()
            await asyncio.sleep(INTERVAL)


async def watch_kafka(settings: Settings, health: Health, *, required: bool = True) -> None:
    """Report 'kafka' to `health` about once a second, until cancelled; required: see `Health.expect`."""
    health.expect("kafka", within=INTERVAL + 2 * TIMEOUT, required=required)
    while True:
        try:
            async with kafka.metadata_client(settings, "health", patience=TIMEOUT) as client:
                while True:
                    async with asyncio.timeout(TIMEOUT):
                        await client.fetch_all_metadata()
                    health.report("kafka", ok=True)
                    await asyncio.sleep(INTERVAL)
        except (KafkaError, OSError, TimeoutError) as error:
            health.report("kafka", ok=False, why=_line(error))
        await asyncio.sleep(INTERVAL)


def _line(error: BaseException) -> str:
    if limit := no_more_files():
        return limit
    # Messages of aiokafka's errors begin with the name of their class.
    name = type(error).__name__
    return " ".join(f"{name}: {str(error).removeprefix(f'{name}: ')}".split()).removesuffix(":")[:300]
