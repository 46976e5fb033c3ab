"""Creates or upgrades the database schema.

Owns the order of migrations. Never touches data beyond what a migration's script says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sql
from consumer.infra.postgres import connection as db

if TYPE_CHECKING:
    import asyncpg

NEWEST = 1

# Any number, the same in every version: two migrations of one database never run at once.
_LOCK = 0x656E67616765


class SchemaTooNewError(Exception):
    """The database was migrated by a newer version of this program; upgrade the program."""


async def migrate(dsn: str) -> tuple[int, int]:
    """Bring the database at `dsn` to the newest schema and return the versions before (0: empty) and after.

    Everything happens in one transaction. Raises SchemaTooNewError where the database is ahead of the code.
    """
    connection = await db.open_unbounded(dsn)
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
    """Return the version of the schema that the database has, 0 for none."""
    if await connection.fetchval("select to_regclass('installation')") is None:
        return 0
    version: int = await connection.fetchval("select schema_version from installation")
    return version


async def _upgrade(connection: asyncpg.Connection[asyncpg.Record], before: int) -> None:
    for version, script in sql.migrations().items():
        if version > before:
            await connection.execute(script)
    await connection.execute("update installation set schema_version = $1", NEWEST)
