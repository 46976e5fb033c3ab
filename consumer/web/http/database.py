"""The API's way to Postgres: connections out of one pool, each request with as many as it asks for, one at a time.

Owns taking and giving back connections. Never holds a statement.
"""

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

# Seconds that a request waits for a connection before it is told to come again.
_ACQUIRE_TIMEOUT = 5.0
# Seconds after which an export or a preview that has met others is worth another try.
_LONG_RETRY_AFTER = "10"
# At once, of all accounts: each keeps a processor of the database busy.
_MAX_PREVIEWS = 2


class Connections:
    """Connections to Postgres for routes."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        # Of exports, at once: each keeps its connection for as long as its reader takes.
        self._max_exports = max(1, pool.get_max_size() // 4)
        self._running: Counter[str] = Counter()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection, for one statement or for a transaction that the route begins.

        Raises TimeoutError where none is free in time, and what connecting raises; both answer 503.
        """
        async with self._pool.acquire(timeout=_ACQUIRE_TIMEOUT) as connection:
            yield cast("Connection", connection)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Connection]:
        """Lend a connection on which all statements read as of one moment."""
        async with (
            self.connection() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield connection

    @asynccontextmanager
    async def export(self) -> AsyncIterator[Connection]:
        """Lend a snapshot to whoever sends it away while reading it.

        One who does not read on within a minute loses it. Raises ProblemError (503) with too many at once.
        """
        async with self._limited("export", self._max_exports), self.snapshot() as connection:
            await connection.execute("set local idle_in_transaction_session_timeout = '60s'")
            yield connection

    @asynccontextmanager
    async def preview(self) -> AsyncIterator[Connection]:
        """Lend a connection for half a minute of work; raises ProblemError (503) with too many at once."""
        async with self._limited("preview", _MAX_PREVIEWS), self.connection() as connection:
            yield connection

    @asynccontextmanager
    async def _limited(self, what: str, limit: int) -> AsyncIterator[None]:
        if self._running[what] >= limit:
            raise ProblemError(
                Code.UNAVAILABLE,
                f"other {what}s are under way: try again when they are done",
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


# What a route names as the type of a parameter to read or write the database.
Database = Annotated[Connections, Depends(_connections)]
