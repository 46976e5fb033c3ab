"""The revision lock: batches hold it shared until they commit, a change of configuration exclusively.

So a change applies to every batch begun after it, and no batch is judged partly by the old catalog.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg

from sql import queries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from consumer.infra.postgres.connection import Connection

# Key of the advisory lock; any number that no other lock uses.
REVISION_LOCK = 0x656E6761_0001
_BEGIN_SHARED = queries("revision_lock")["begin_shared"] % REVISION_LOCK
# Settings of a transaction that changes what is stored of contacts.
LOOK_UP_BY_KEY = queries("revision_lock")["look_up_by_key"]


async def begin_shared(connection: Connection, local_settings: str = "") -> None:
    """Begin a transaction that shares the revision lock; the caller commits or rolls back.

    local_settings: `set local` statements for the transaction, sent in the same round trip.
    """
    await connection.execute(f"{_BEGIN_SHARED}; {local_settings}" if local_settings else _BEGIN_SHARED)


@asynccontextmanager
async def configuration_change(connection: Connection) -> AsyncIterator[None]:
    """Hold the revision lock exclusively in a transaction and raise the revision at its end.

    Polls with a lock timeout of 50 ms instead of queueing: while an exclusive lock waits for the slowest batch, no
    other batch would get the lock. Raises LockNotAvailableError after about a minute.
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
        # The short timeout is for the revision lock only: the change itself may wait for row locks.
        await connection.execute("set local lock_timeout to default")
        break
    try:
        yield
        await connection.execute("update installation set revision = revision + 1")
    except BaseException:
        # A lost connection has rolled back already; a rollback on it would raise and hide the error.
        if not connection.is_closed():
            await transaction.rollback()
        raise
    await transaction.commit()
