"""Opens connections to Postgres, and pools of them, with every wait bounded and the schema checked."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any, TypeAlias

import asyncpg

from consumer.infra import explain_connection_errors
from consumer.infra.postgres import session
from consumer.infra.postgres.errors import DatabaseTlsError
from consumer.infra.postgres.schema_version import PROGRAM, require_schema

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

# Seconds for the server to accept a connection, and to answer the first questions on it.
_CONNECT_SECONDS = 5.0


async def connect(
    dsn: str,
    *,
    application_name: str = "engagement",
    command_timeout: float = 35.0,
    any_schema: bool = False,
    **settings: str,
) -> Connection:
    """Open a connection with every wait bounded. command_timeout: seconds. settings: besides those of session.py.

    Raises SchemaVersionError unless this program can run on the database's schema, or `any_schema` is set;
    PoolerModeError; and what `open_unbounded` raises, which `retry_reason` classifies.
    """

    async def bare() -> Connection:
        return await open_unbounded(
            dsn,
            timeout=_CONNECT_SECONDS,
            command_timeout=command_timeout,
            # With the version of this program: `migrate` looks for older ones before it shuts them out.
            server_settings={"application_name": f"{application_name}/{PROGRAM}"},
        )

    connection = await bare()
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            await session.begin(connection, {**session.SETTINGS, **settings}, bare)
            if not any_schema:
                await require_schema(connection)
    except BaseException:
        connection.terminate()
        raise
    return connection


def pool(dsn: str, *, size: int) -> Pool:
    """Return a pool of at most `size` connections of `connect`; await it before use.

    It opens no connection until the first is requested, so that a process can start while the database is down.
    """

    async def connect_bounded(_dsn: str, **_options: Any) -> Connection:
        return await connect(dsn)

    async def left_as_it_is(_connection: Connection) -> None:
        # asyncpg has rolled back a transaction that was left open. What this program sets or locks on a connection
        # ends with its transaction; RESET ALL would take our settings away, and cost a round trip each time.
        pass

    connections: Pool = asyncpg.create_pool(
        dsn, min_size=0, max_size=size, connect=connect_bounded, reset=left_as_it_is
    )  # type: ignore[call-overload]
    return connections


async def open_unbounded(dsn: str, **options: Any) -> Connection:
    """Open a connection without bounds on its work; options: of asyncpg.connect.

    Raises DatabaseTlsError, and what asyncpg raises.
    """
    try:
        connection: Connection = await asyncpg.connect(dsn, **options)
    except ssl.SSLError as error:
        raise DatabaseTlsError(explain_connection_errors.explain_postgres_tls_error(error)) from error
    return connection


def affected_rows(status: str) -> int:
    """Return the number of rows from the status of a statement ("DELETE 3")."""
    return int(status.rpartition(" ")[2])


async def fetch_one(connection: Connection, statement: str, *arguments: Any) -> asyncpg.Record:
    """Return the only row of a statement that always returns one."""
    row = await connection.fetchrow(statement, *arguments)
    if row is None:
        raise LookupError("a statement that always returns one row returned none")
    return row
