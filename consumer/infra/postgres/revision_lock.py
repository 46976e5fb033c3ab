"""The locks between changes of configuration and the transactions that go by it (docs/decisions/0026).

A change locks the account whose configuration it is. Transactions about one account share that lock. A batch, which
has events of hundreds, does not: it compares revisions once its contacts are locked (ingest/catalog_check.py).

Batches, and all else that enqueues messages, share the batch lock: it shows which are in flight, and only what
belongs to no account locks them out.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

import asyncpg

from consumer.infra.postgres.session import SETTINGS
from sql import queries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterator

    from consumer.infra.postgres.connection import Connection

# Keys of advisory locks; any numbers that no other lock uses. An account's is the second with a hash of its key.
_BATCHES = 0x656E6761_0001
_ACCOUNT = 0x656E_6763
# Milliseconds in the queue for an account: transactions that share its lock wait meanwhile, so the longest is below
# their own time-out (session.py).
_FIRST_QUEUED, _LONGEST_QUEUED = 50, 1600
_MOST_DOUBLINGS = 5
# Milliseconds in the queue for all batches to end, in which no other begins; and for a batch to wait for that and
# for the change itself, which may wait for the relay (relay/change_shards.py).
_LOCK_OUT_QUEUED, _LOCKED_OUT = 5000, 12_000
# Milliseconds for any lock of a transaction whose caller gives its connection back between two attempts.
_ATTEMPT_QUEUED = 300
# Seconds between two tries, and in all.
_BETWEEN, _PATIENCE = 0.05, 60.0

_SQL = queries("revision_lock")
_BEGIN_SHARED, _BEGIN_SHARED_ATTEMPT = (
    _SQL["begin_shared"].format(lock=_BATCHES, locked_out=locked_out, session=session)
    for locked_out, session in (
        (_LOCKED_OUT, SETTINGS["lock_timeout"]),
        (_ATTEMPT_QUEUED, _ATTEMPT_QUEUED),
    )
)
# Settings of a transaction that changes what is stored of contacts.
LOOK_UP_BY_KEY = _SQL["look_up_by_key"]

_attempt: ContextVar[int | None] = ContextVar("attempt", default=None)


@contextmanager
def one_attempt(number: int) -> Iterator[None]:
    """Inside, locks of this module are tried once, and LockNotAvailableError is raised soon.

    For callers that have their connection from a pool: they give it back, and call again. number: of the attempt,
    from 0; each waits for longer than the one before, up to some seconds.
    """
    token = _attempt.set(number)
    try:
        yield
    finally:
        _attempt.reset(token)


async def begin_shared(
    connection: Connection, local_settings: str = "", *, accounts: Collection[str] = ()
) -> None:
    """Begin a transaction under the batch lock; the caller commits or rolls back.

    local_settings: `set local` statements for the transaction, sent in the same round trip. accounts: keys of those
    whose configuration is not to change before it ends.
    """
    begin = _BEGIN_SHARED if _attempt.get() is None else _BEGIN_SHARED_ATTEMPT
    await connection.execute(f"{begin}; {local_settings}" if local_settings else begin)
    if accounts:
        await share_accounts(connection, accounts)


@asynccontextmanager
async def shared_transaction(
    connection: Connection, local_settings: str = "", *, accounts: Collection[str] = ()
) -> AsyncIterator[None]:
    """Commit at the end what was begun as by `begin_shared`; after an error roll it back."""
    await begin_shared(connection, local_settings, accounts=accounts)
    try:
        yield
    except BaseException:
        # A lost connection has rolled back already; a rollback on it would raise and hide the error.
        if not connection.is_closed():
            await connection.execute("rollback")
        raise
    await connection.execute("commit")


async def share_accounts(connection: Connection, accounts: Collection[str]) -> None:
    """Keep the configuration of these accounts (by key) from changing until the caller's transaction ends."""
    await connection.execute(_SQL["share_accounts"], _ACCOUNT, list(accounts))


async def in_flight(connection: Connection) -> frozenset[str]:
    """Return the transactions of other connections under the batch lock.

    What one of them has committed is visible to statements that follow a call which no longer returns it.
    """
    return frozenset(await connection.fetchval(_SQL["in_flight"], _BATCHES))


async def wait_for_batches(connection: Connection) -> None:
    """Return once every transaction that is in flight now has ended, and hold up none.

    Raises TimeoutError after a minute.
    """
    earlier = await in_flight(connection)
    async with asyncio.timeout(_PATIENCE):
        while earlier:
            await asyncio.sleep(_BETWEEN)
            earlier &= await in_flight(connection)


@asynccontextmanager
async def configuration_change(
    connection: Connection, account: str | None, *, beside_batches: bool = True, attempt: int | None = None
) -> AsyncIterator[None]:
    """Lock an account's configuration in a transaction, and raise the revisions at its end.

    account: by key; it need not exist. None: what changes belongs to no account, and no batch is in flight
    meanwhile. beside_batches: False asks for that with an account too.

    For the account it queues for 50 ms at first, and for twice as long each time that this was too short. Raises
    LockNotAvailableError after about a minute; or, given the number of an attempt, counted from 0, after that
    attempt: for callers with other work to do meanwhile (see `one_attempt` too).
    """
    attempt = _attempt.get() if attempt is None else attempt
    queued = min(_FIRST_QUEUED * 2 ** min(attempt or 0, _MOST_DOUBLINGS), _LONGEST_QUEUED)
    deadline = time.monotonic() + _PATIENCE
    while True:
        transaction = connection.transaction(isolation="read_committed")
        await transaction.start()
        try:
            if account is None or not beside_batches:
                await connection.execute(f"set local lock_timeout = {_LOCK_OUT_QUEUED}")
                await connection.execute(_SQL["lock_out_batches"], _BATCHES)
            if account is not None:
                await connection.execute(f"set local lock_timeout = {queued}")
                await connection.execute(_SQL["lock_account"], _ACCOUNT, account)
        except asyncpg.LockNotAvailableError:
            await transaction.rollback()
            if attempt is not None or time.monotonic() > deadline:
                raise
            queued = min(2 * queued, _LONGEST_QUEUED)
            await asyncio.sleep(_BETWEEN)
            continue
        # The time-outs above are for these locks only: the change itself may wait for row locks.
        await connection.execute("set local lock_timeout to default")
        break
    try:
        yield
        await connection.execute(_SQL["raise_revision"], account)
    except BaseException:
        # A lost connection has rolled back already; a rollback on it would raise and hide the error.
        if not connection.is_closed():
            await transaction.rollback()
        raise
    await transaction.commit()
