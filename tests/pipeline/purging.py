"""Purges with a horizon of the test's choice, taken to their ends without a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.infra.postgres.connection_keeper import ConnectionKeeper
from consumer.scoring import jobs
from consumer.scoring.retention import PURGES

if TYPE_CHECKING:
    from datetime import datetime

    from consumer.infra.postgres.connection import Connection
    from consumer.scoring.retention import PurgeStatus


async def begin_purge(connection: Connection, account: str, horizon: datetime) -> int:
    """Move the horizon of an account and begin the purge, as if the account's retention period had come to that."""
    # No horizon is too late for a period that ends in two hundred years.
    await connection.execute(
        "update accounts set horizon = $2, retention_seconds = -6400000000 where key = $1", account, horizon
    )
    number: int = await connection.fetchval(
        """insert into purges (account_id, horizon, until_contact_id, counted_contact_id)
           select id, horizon, 0, -1 from accounts where key = $1 returning id""",
        account,
    )
    return number


async def purge(connection: Connection, account: str, horizon: datetime) -> PurgeStatus:
    """Purge what an account has before the horizon."""

    async def connect() -> Connection:
        return connection

    number = await begin_purge(connection, account, horizon)
    async for status in jobs.run(ConnectionKeeper(connect), PURGES, number):
        last = status
    await connection.execute("update accounts set retention_seconds = null where key = $1", account)
    return last
