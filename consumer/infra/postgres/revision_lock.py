"""The revision lock: batches hold it shared until they commit, a change of configuration exclusively.

So a change applies to every batch begun after it, and no batch is judged partly by the old catalog.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg

from sql import queries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from consumer.infra.postgres.connection import Connection

# Key of the advisory lock; any number that no other lock uses.
REVISION_LOCK = 0x656E6761_0001
# Milliseconds in the queue: the longest is below the lock timeout of batches that wait meanwhile (connection.py).
_FIRST_QUEUED, _LONGEST_QUEUED = 50, 1600
_MOST_DOUBLINGS = 5
# Seconds between two tries, and in all.
_BETWEEN, _PATIENCE = 0.05, 60.0
_BEGIN_SHARED = queries("revision_lock")["begin_shared"] % REVISION_LOCK
_RAISE_REVISION = queries("revision_lock")["raise_revision"]
# Settings of a transaction that changes what is stored of contacts.
LOOK_UP_BY_KEY = queries("revision_lock")["look_up_by_key"]


async def begin_shared(connection: Connection, local_settings: str = "") -> None:
    """Begin a transaction that shares the revision lock; the caller commits or rolls back.

    local_settings: `set local` statements for the transaction, sent in the same round trip.
    """
    await connection.execute(f"{_BEGIN_SHARED}; {local_settings}" if local_settings else _BEGIN_SHARED)


@asynccontextmanager
async def configuration_change(
    connection: Connection, account: str | None, *, attempt: int | None = None
) -> AsyncIterator[None]:
    """Hold the revision lock exclusively in a transaction and raise the revision at its end.

    account: the key of the one whose configuration changes; None: what changes belongs to no account.

    While it waits for the slowest batch no other batch gets the lock: it queues for 50 ms at first, and for twice
    as long each time that this was too short, since under full load some batch always holds it. Raises
    LockNotAvailableError after about a minute; or, given the number of an attempt, counted from 0, after that
    attempt: for callers with other work to do meanwhile.
    """
    queued = min(_FIRST_QUEUED * 2 ** min(attempt or 0, _MOST_DOUBLINGS), _LONGEST_QUEUED)
    deadline = time.monotonic() + _PATIENCE
    while True:
        transaction = connection.transaction()
        await transaction.start()
        try:
            await connection.execute(f"set local lock_timeout = {queued}")
            await connection.execute("select pg_advisory_xact_lock($1)", REVISION_LOCK)
        except asyncpg.LockNotAvailableError:
            await transaction.rollback()
            if attempt is not None or time.monotonic() > deadline:
                raise
            queued = min(2 * queued, _LONGEST_QUEUED)
            await asyncio.sleep(_BETWEEN)
            continue
        # The short timeout is for the revision lock only: the change itself may wait for row locks.
        await connection.execute("set local lock_timeout to default")
        break
    try:
        yield
        await connection.execute(_RAISE_REVISION, account)
    except BaseException:
        # A lost connection has rolled back already; a rollback on it would raise and hide the error.
        if not connection.is_closed():
            await transaction.rollback()
        raise
    await transaction.commit()
