"""Makes a connection a session of ours: its settings, and the test that a pooler leaves it to us.

The settings are sent on the open connection and not with its start: poolers refuse those that they do not know, or
ignore them, and the session would work without time-outs.

Prepared statements, settings and advisory locks belong to a session of the server. A pooler in session mode gives
each connection one for as long as it is open; one in transaction or statement mode gives it any that is free, for
each transaction, and all three go astray.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

import asyncpg

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from typing import TypeAlias

    Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

# Bounds on what a frozen or vanished client can hold up (milliseconds, as Postgres wants them), and on how
# long a dead server can hold up a client.
SETTINGS = {
    "timezone": "UTC",
    "lock_timeout": "2000",
    "statement_timeout": "30000",
    "idle_in_transaction_session_timeout": "3000",
    "tcp_user_timeout": "5000",
    # Plans do not depend on the values: columns of rows that are looked up by key (docs/decisions/0002).
    "plan_cache_mode": "force_generic_plan",
    # Postgres compiles such a plan where it estimates a high cost, which takes longer than running it. Measured on
    # PostgreSQL 15, a batch of 2,000: 1.1 s compiled, 0.3 s not compiled.
    "jit": "off",
}

# Seconds for a pooler to give a second connection a session. One in transaction mode has one at once: that of the
# first. One in session mode may have none left, which is its right.
_SECOND_SECONDS = 1.0
# The answer to a statement that selects no row.
_NO_ROW = "SELECT 0"


class PoolerModeError(Exception):
    """A pooler between this program and Postgres is not in session mode; the message says what to do."""

    def __init__(self) -> None:
        super().__init__(
            "the database is reached through a pooler that is not in session mode: set it to session mode "
            "(PgBouncer: pool_mode = session), or connect to Postgres directly"
        )


async def begin(
    connection: Connection, settings: Mapping[str, str], open_another: Callable[[], Awaitable[Connection]]
) -> None:
    """Give a new connection its settings; open_another: opens a second one, as bare as this one.

    Raises PoolerModeError if the connection has no session of its own.
    """
    statement = settings_statement(settings)
    # A pooler invents the process that it names to a client.
    if (
        await connection.execute(f"{statement} where pg_backend_pid() = {connection.get_server_pid()}")
        == _NO_ROW
    ):
        await _require_own_session(connection, open_another)
        await connection.execute(statement)


def settings_statement(settings: Mapping[str, str]) -> str:
    """Return the statement that sets these for the session; it can be extended by a condition."""
    values = ", ".join(f"({_quoted(name)}, {_quoted(value)})" for name, value in settings.items())
    return f"select set_config(name, value, false) from (values {values}) as setting(name, value)"


async def _require_own_session(
    connection: Connection, open_another: Callable[[], Awaitable[Connection]]
) -> None:
    """Mark the session, and look for the mark in a second connection and, while that one is busy, in this one.

    By the simple protocol, which needs no prepared statement and returns the number of rows.
    """
    mark = _quoted(secrets.token_hex(8))
    marked = f"select where current_setting('engagement.session', true) = {mark}"
    await connection.execute(f"select set_config('engagement.session', {mark}, false)")
    other: Connection | None = None
    try:
        with suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            async with asyncio.timeout(_SECOND_SECONDS):
                other = await open_another()
                if await other.execute(marked) != _NO_ROW:
                    raise PoolerModeError
                await other.execute("begin")
        if await connection.execute(marked) == _NO_ROW:
            raise PoolerModeError
    finally:
        if other is not None:
            other.terminate()


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
