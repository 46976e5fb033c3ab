"""Database connections for routes: lent from one pool, to each account within its shares (admission.py)."""

from __future__ import annotations

import asyncio
import itertools
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, TypeVar, cast

import asyncpg
from fastapi import Depends
from starlette.requests import Request  # noqa: TC002 - FastAPI reads annotations at run time

from consumer.infra.postgres.revision_lock import one_attempt
from consumer.infra.wait import backoff
from consumer.web.http.admission import Admission, Share

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from consumer.infra.postgres.connection import Connection, Pool
    from consumer.infra.telemetry.metrics import Metrics

Result = TypeVar("Result")

# Seconds to open a connection.
_ACQUIRE_TIMEOUT = 5.0
# Seconds in which a change tries to get its locks before it is answered 503, and between two tries.
_CHANGE_PATIENCE = 20.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 0.5


class Connections:
    """The connections of the process."""

    def __init__(self, pool: Pool, metrics: Metrics) -> None:
        self._pool = pool
        self._admission = Admission(pool.get_max_size(), metrics)

    def of(self, account: str) -> AccountConnections:
        """Return what one account gets of them; account: its key; or the token's, for what is of no one account."""
        return AccountConnections(self._pool, self._admission, account)


class AccountConnections:
    """Lends connections to the requests of one account.

    Every method raises ProblemError: 429 if the account's share is used by its own requests, 503 if others use all
    there is; TimeoutError, and what connecting raises, is answered 503.
    """

    def __init__(self, pool: Pool, admission: Admission, account: str) -> None:
        self._pool = pool
        self._admission = admission
        self._account = account

    @asynccontextmanager
    async def connection(self, *, heavy: bool = False) -> AsyncIterator[Connection]:
        """Lend a connection, for single statements or for a transaction that the route begins.

        heavy: for reads whose work grows with the account; of these an account has fewer at a time.
        """
        async with self._lend(*([Share.HEAVY] if heavy else [])) as connection:
            yield connection

    @asynccontextmanager
    async def snapshot(self, *, heavy: bool = False) -> AsyncIterator[Connection]:
        """Lend a connection in a read-only snapshot: all statements see the same state. heavy: see `connection`."""
        async with self.connection(heavy=heavy) as connection, _snapshot(connection):
            yield connection

    @asynccontextmanager
    async def export(self) -> AsyncIterator[Connection]:
        """Lend a snapshot for a file; Postgres ends it if the route runs no statement for 60 s."""
        async with self._lend(Share.LONG) as connection, _snapshot(connection):
            await connection.execute("set local idle_in_transaction_session_timeout = '60s'")
            yield connection

    @asynccontextmanager
    async def preview(self) -> AsyncIterator[Connection]:
        """Lend a connection for a preview (about 30 s): it keeps one processor of the database busy."""
        async with self._lend(Share.LONG) as connection:
            yield connection

    @asynccontextmanager
    async def changing(self) -> AsyncIterator[Connection]:
        """Lend a connection for a change that waits for nothing but rows of its account."""
        async with self._lend(Share.CHANGES) as connection:
            yield connection

    async def change(self, work: Callable[[Connection], Awaitable[Result]]) -> Result:
        """Do work that locks an account's configuration or contacts, without a connection while it waits for them.

        work: one transaction; it is done again, on another connection, as long as it raises LockNotAvailableError,
        for 20 seconds. Raises its last error then.
        """
        deadline = time.monotonic() + _CHANGE_PATIENCE
        for attempt in itertools.count():
            try:
                async with self._lend(Share.CHANGES) as connection:
                    with one_attempt(attempt):
                        return await _ended(connection, work)
            except asyncpg.LockNotAvailableError:
                if time.monotonic() > deadline:
                    raise
            await asyncio.sleep(backoff(attempt + 1, first=_FIRST_PAUSE, most=_LONGEST_PAUSE))
        raise AssertionError("the loop has no end")

    @asynccontextmanager
    async def download(self) -> AsyncIterator[None]:
        """Hold the right to be sent a file; needs no connection."""
        async with self._admission.slot(self._account, Share.DOWNLOADS):
            yield

    @asynccontextmanager
    async def _lend(self, *shares: Share) -> AsyncIterator[Connection]:
        if shares:
            async with self._admission.slot(self._account, shares[0]), self._lend() as connection:
                yield connection
            return
        async with (
            self._admission.slot(self._account, Share.ALL),
            self._pool.acquire(timeout=_ACQUIRE_TIMEOUT) as connection,
        ):
            yield cast("Connection", connection)


async def _ended(connection: Connection, work: Callable[[Connection], Awaitable[Result]]) -> Result:
    """Do the work; a transaction that it could not begin, since a lock was not to be had, is rolled back."""
    try:
        return await work(connection)
    except asyncpg.LockNotAvailableError:
        if connection.is_in_transaction():
            await connection.execute("rollback")
        raise


@asynccontextmanager
async def _snapshot(connection: Connection) -> AsyncIterator[None]:
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        yield


def connections_of(request: Request) -> AccountConnections:
    """Return what the account of a request gets; of one without an account in its path, that of the token."""
    connections: Connections = request.app.state.connections
    # No route lends one before auth.py has checked the account, or the token where the path names no account.
    claims = getattr(request.state, "claims", None)
    return connections.of(request.path_params.get("account") or str(getattr(claims, "account", "")))


async def _connections(request: Request) -> AccountConnections:
    # A coroutine: FastAPI calls a function in a thread, for each request.
    return connections_of(request)


# Type of the parameter by which a route gets connections.
Database = Annotated[AccountConnections, Depends(_connections)]
