"""A connection to look at a database by, again and again: opening one costs more than ten looks.

Owns one connection, and opens another after an error. Never repeats a statement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncpg

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection

# Seconds.
_PATIENCE = 2


class KeptConnection:
    """For one task at a time. Ends with its database at the latest, which is dropped with its connections."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: Connection | None = None

    async def fetch(self, statement: str, *values: Any) -> list[asyncpg.Record]:
        """Run a statement within two seconds; raises OSError or what asyncpg raises."""
        try:
            if self._connection is None or self._connection.is_closed():
                self._connection = await asyncpg.connect(
                    self._dsn, timeout=_PATIENCE, command_timeout=_PATIENCE
                )
            rows: list[asyncpg.Record] = await self._connection.fetch(statement, *values)
        except BaseException:
            self.close()
            raise
        return rows

    async def fetchval(self, statement: str, *values: Any) -> Any:
        """Return the first value of a statement; raises what `fetch` raises."""
        return (await self.fetch(statement, *values))[0][0]

    def close(self) -> None:
        """End the connection, whatever the server does."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
