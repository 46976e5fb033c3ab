"""The PostgreSQL of a test run: the one that is named, else the embedded one.

Owns that choice and what is said about it. Never owns databases in it; those are the fixtures'.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import asyncpg

from consumer.demo.servers import EmbeddedPostgres

VARIABLE = "ENGAGEMENT_TEST_DATABASE_URL"

# Nothing is kept, and databases are made by the hundred, each with two checkpoints: after each of them every page
# would be written to the WAL whole.
_SETTINGS: dict[str, str | int] = {
    "max_connections": 200,
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": 0,
}


@dataclass(frozen=True)
class PostgresServer:
    """dsn: of a superuser, or at least of a role that may create databases. embedded: None if named."""

    dsn: str
    description: str
    embedded: EmbeddedPostgres | None

    async def stop(self) -> None:
        if self.embedded is not None:
            await self.embedded.stop()


async def start_postgres() -> PostgresServer:
    """Start or find the server, and ask it for its version."""
    named = os.environ.get(VARIABLE)
    if named:
        return PostgresServer(named, f"{await _version(named)} ({VARIABLE})", None)
    embedded = EmbeddedPostgres(fsync=False, settings=_SETTINGS)
    await embedded.start()
    return PostgresServer(embedded.dsn, f"{await _version(embedded.dsn)} (embedded, fsync=off)", embedded)


async def _version(dsn: str) -> str:
    connection = await asyncpg.connect(dsn)
    try:
        return f"PostgreSQL {await connection.fetchval('show server_version')}"
    finally:
        await connection.close()
