"""The revision of the configuration: batches share its lock, a change of configuration holds it alone.

A batch holds the lock shared until its commit, a change of configuration exclusively until its own: so a change
holds for all batches begun after it, and no batch is judged half by the old catalog.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from consumer.infra.postgres.connection import Connection

# Of an advisory lock; any fixed number that no other lock has.
REVISION_LOCK = 0x656E6761_0001


@asynccontextmanager
async def configuration_change(connection: Connection) -> AsyncIterator[None]:
    """Hold the revision lock exclusively in a transaction and raise the revision at its end.

    Tries briefly and again rather than queueing: a queued exclusive lock would hold up every batch behind the
    slowest one. Gives up with LockNotAvailableError after about a minute.
    """
    for attempt in range(600):
        transaction = connection.transaction()
        await transaction.start()
        try:
            await connection.execute("set local lock_timeout = 50")
            await connection.execute("select pg_advisory_xact_lock($1)", REVISION_LOCK)
        except asyncpg.LockNotAvailableError:
            await transaction.rollback()
            if attempt == 599:  # noqa: PLR2004 - the last of the range above
                raise
            await asyncio.sleep(0.05)
            continue
        # Only the revision is not worth waiting for; the change itself may meet row locks.
        await connection.execute("set local lock_timeout to default")
        break
    try:
        yield
        await connection.execute("update installation set revision = revision + 1")
    except BaseException:
        # A connection that is gone has rolled back, and asking it to would hide why.
        if not connection.is_closed():
            await transaction.rollback()
        raise
    await transaction.commit()
