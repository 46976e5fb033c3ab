"""Creates the database schema, or runs the migrations that it lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sql
from consumer.infra.postgres.connection import open_unbounded
from consumer.infra.postgres.schema_version import NEWEST, refuse_newer, schema_version

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.infra.postgres.connection import Connection

# Key of the advisory lock, the same in every version: two migrations of one database never run at once.
_LOCK = 0x656E67616765


async def migrate(
    dsn: str, *, upgrading: Callable[[int, int], None] = lambda _before, _after: None
) -> tuple[int, int]:
    """Bring the database at `dsn` to the newest schema in one transaction; return the versions before and after.

    Version 0 is an empty database. upgrading: called with both versions before an older schema is upgraded, which
    may take minutes. Raises SchemaTooNewError where the database is ahead of the code.
    """
    connection = await open_unbounded(dsn)
    try:
        async with connection.transaction():
            await connection.execute("select pg_advisory_xact_lock($1)", _LOCK)
            before = await schema_version(connection)
            refuse_newer(before)
            if before == 0:
                await connection.execute(sql.schema())
            elif before < NEWEST:
                upgrading(before, NEWEST)
                await _upgrade(connection, before)
        return before, NEWEST
    finally:
        await connection.close()


async def _upgrade(connection: Connection, before: int) -> None:
    for version, script in sql.migrations().items():
        if version > before:
            await connection.execute(script)
    await connection.execute("update installation set schema_version = $1", NEWEST)
