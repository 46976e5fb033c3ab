"""Creates the database schema, or runs the migrations that it lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sql
from consumer.infra.postgres.connection import open_unbounded

if TYPE_CHECKING:
    import asyncpg

NEWEST = 1

# Key of the advisory lock, the same in every version: two migrations of one database never run at once.
_LOCK = 0x656E67616765


class SchemaTooNewError(Exception):
    """The database was migrated by a newer version of this program; upgrade the program."""


async def migrate(dsn: str) -> tuple[int, int]:
    """Bring the database at `dsn` to the newest schema in one transaction; return the versions before and after.

    Version 0 is an empty database. Raises SchemaTooNewError where the database is ahead of the code.
    """
    connection = await open_unbounded(dsn)
    try:
        async with connection.transaction():
            await connection.execute("select pg_advisory_xact_lock($1)", _LOCK)
            before = await schema_version(connection)
            if before > NEWEST:
                raise SchemaTooNewError(f"the schema is at version {before}, this program knows {NEWEST}")
            if before == 0:
                await connection.execute(sql.schema())
            else:
                await _upgrade(connection, before)
        return before, NEWEST
    finally:
        await connection.close()


async def schema_version(connection: asyncpg.Connection[asyncpg.Record]) -> int:
    """Return the schema version of the database, 0 where it has no schema."""
    if await connection.fetchval("select to_regclass('installation')") is None:
        return 0
    version: int = await connection.fetchval("select schema_version from installation")
    return version


async def _upgrade(connection: asyncpg.Connection[asyncpg.Record], before: int) -> None:
    for version, script in sql.migrations().items():
        if version > before:
            await connection.execute(script)
    await connection.execute("update installation set schema_version = $1", NEWEST)
