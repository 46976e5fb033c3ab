"""Database connections for routes, lent from one pool, with limits on exports and previews."""

from __future__ import annotations

from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, cast

from fastapi import Depends
from starlette.requests import Request  # noqa: TC002 - FastAPI reads annotations at run time

from consumer.web.http.problems import Code, ProblemError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from consumer.infra.postgres.connection import Connection, Pool

# Seconds that a request waits for a free connection before it is answered 503.
_ACQUIRE_TIMEOUT = 5.0
# Retry-After of an export or preview that was refused because of the limits, in seconds.
_LONG_RETRY_AFTER = "10"
# Concurrent previews, over all accounts: each keeps one processor of the database busy.
_MAX_PREVIEWS = 2


class Connections:
    """Lends connections to routes."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        # Concurrent exports: each holds its connection for as long as its client reads.
        self._max_exports = max(1, pool.get_max_size() // 4)
        self._running: Counter[str] = Counter()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection, for single statements or for a transaction that the route begins.

        Raises TimeoutError if none is free in time, and what connecting raises; both are answered 503.
        """
        async with self._pool.acquire(timeout=_ACQUIRE_TIMEOUT) as connection:
            yield cast("Connection", connection)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Connection]:
        """Lend a connection in a read-only snapshot: all statements see the same state."""
        async with (
            self.connection() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield connection

    @asynccontextmanager
    async def export(self) -> AsyncIterator[Connection]:
        """Lend a snapshot for streaming; Postgres ends it if the route runs no statement for 60 s.

        Raises ProblemError (503) if too many exports are running.
        """
        async with self._limited("export", self._max_exports), self.snapshot() as connection:
            await connection.execute("set local idle_in_transaction_session_timeout = '60s'")
            yield connection

    @asynccontextmanager
    async def preview(self) -> AsyncIterator[Connection]:
        """Lend a connection for a preview (about 30 s); raises ProblemError (503) if too many are running."""
        async with self._limited("preview", _MAX_PREVIEWS), self.connection() as connection:
            yield connection

    @asynccontextmanager
    async def _limited(self, what: str, limit: int) -> AsyncIterator[None]:
        if self._running[what] >= limit:
            raise ProblemError(
                Code.UNAVAILABLE,
                f"too many {what}s are running: try again later",
                headers={"Retry-After": _LONG_RETRY_AFTER},
            )
        self._running[what] += 1
        try:
            yield
        finally:
            self._running[what] -= 1


def _connections(request: Request) -> Connections:
    connections: Connections = request.app.state.connections
    return connections


# Type of the parameter by which a route gets connections.
Database = Annotated[Connections, Depends(_connections)]
