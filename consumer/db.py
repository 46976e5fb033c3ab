"""How the service talks to Postgres: connections with bounds, the revision lock, which errors mean what.

Owns connecting and the classes of errors. Never holds a statement of its own concern: those live in sql/.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg
from asyncpg.exceptions import ClientConfigurationError

from consumer import refusals
from consumer.model import RetryReason

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

# Batches hold it shared to their commit, whoever changes configuration holds it exclusively to theirs: so a
# change holds for all batches begun after it, and none is judged half by the old catalog. Any fixed number.
REVISION_LOCK = 0x656E6761_0001
# Months of the timeline are created one at a time.
MONTHS_LOCK = 0x656E6761_0002

# Bounds on what a frozen or vanished client can hold up (milliseconds, as Postgres wants them), and on how
# long a dead server can hold up a client.
_SERVER_SETTINGS = {
    "application_name": "engagement",
    "timezone": "UTC",
    "lock_timeout": "2000",
    "statement_timeout": "30000",
    "idle_in_transaction_session_timeout": "3000",
    "tcp_user_timeout": "5000",
    # Planning apply.sql takes ten times as long as running it for one event, and the plan does not depend on the
    # values: arrays of rows that are looked up by key. Measured: 10 ms planned each time, 1.2 ms planned once.
    "plan_cache_mode": "force_generic_plan",
    # Where such a plan is thought to cost a lot it is compiled, which takes longer than to run it. Measured on
    # PostgreSQL 15, a batch of 2,000: 1.1 s compiled, 0.3 s as it is.
    "jit": "off",
}

_RETRYABLE: tuple[tuple[type[BaseException], RetryReason], ...] = (
    (asyncpg.SerializationError, RetryReason.SERIALIZATION),
    (asyncpg.DeadlockDetectedError, RetryReason.DEADLOCK),
    (asyncpg.LockNotAvailableError, RetryReason.LOCK_TIMEOUT),
    (asyncpg.QueryCanceledError, RetryReason.STATEMENT_TIMEOUT),
    (asyncpg.PostgresConnectionError, RetryReason.CONNECTION),
    # shutting down, restarting, crashed, out of connections or memory: it comes back
    (asyncpg.OperatorInterventionError, RetryReason.CONNECTION),
    (asyncpg.InsufficientResourcesError, RetryReason.CONNECTION),
    # the server ended an idle transaction: this worker was frozen
    (asyncpg.IdleInTransactionSessionTimeoutError, RetryReason.CONNECTION),
    # asyncpg's own: used while closed, or closed in mid-operation
    (asyncpg.InterfaceError, RetryReason.CONNECTION),
    # asyncpg's own: what the server said when it ended the session met the next request on its way
    (asyncpg.InternalClientError, RetryReason.CONNECTION),
    (OSError, RetryReason.CONNECTION),
    (TimeoutError, RetryReason.CONNECTION),
)


class DatabaseTlsError(ConnectionError):
    """There is no TLS with the database; the message says why, and what in the URL to look at."""


async def connect(dsn: str, *, command_timeout: float = 35.0, **server_settings: str) -> Connection:
    """Open a connection whose every wait is bounded; `command_timeout` in seconds.

    Raises what `open_unbounded` raises; `retry_reason` tells which of it passes.
    """
    return await open_unbounded(
        dsn,
        timeout=5,
        command_timeout=command_timeout,
        max_cacheable_statement_size=0,  # no limit: apply.sql is longer than asyncpg's default
        server_settings={**_SERVER_SETTINGS, **server_settings},
    )


def pool(dsn: str, *, size: int) -> Pool:
    """Return a pool of at most so many connections as `connect` opens them, to be awaited before it is used.

    None is opened before one is asked for, so that a process can start while the database is away.
    """

    async def opened(_dsn: str, **_options: Any) -> Connection:
        return await connect(dsn)

    made: Pool = asyncpg.create_pool(dsn, min_size=0, max_size=size, connect=opened)  # type: ignore[call-overload]
    return made


async def open_unbounded(dsn: str, **options: Any) -> Connection:
    """Open a connection for work that takes as long as it takes; options: of asyncpg.connect.

    Raises DatabaseTlsError, and what asyncpg raises.
    """
    try:
        connection: Connection = await asyncpg.connect(dsn, **options)
    except ssl.SSLError as error:
        raise DatabaseTlsError(refusals.of_postgres(error)) from error
    return connection


def retry_reason(error: BaseException) -> RetryReason | None:
    """Return why an error is worth another try of the whole unit of work, None where it is not."""
    # asyncpg's own: what the URL says cannot be carried out, now or later
    if is_data_error(error) or isinstance(error, ClientConfigurationError):
        return None
    return next((reason for kind, reason in _RETRYABLE if isinstance(error, kind)), None)


def is_data_error(error: BaseException) -> bool:
    """Tell whether Postgres refused the data itself: SQLSTATE classes 22, 23 and 54."""
    return isinstance(error, asyncpg.PostgresError) and (error.sqlstate or "")[:2] in {"22", "23", "54"}


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


async def fetch_one(connection: Connection, statement: str, *arguments: Any) -> asyncpg.Record:
    """Return the only row of a statement that always returns one."""
    row = await connection.fetchrow(statement, *arguments)
    if row is None:
        raise LookupError("a statement that always returns one row returned none")
    return row
