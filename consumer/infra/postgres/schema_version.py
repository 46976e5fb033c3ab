"""Which schema this program needs, and whether a database has it.

Every connection is checked when it is opened (connection.py): under another schema the database refuses valid
events, and each would become a dead letter. Only `check` and `migrate` work with any schema.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TypeAlias

    import asyncpg

    Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

NEWEST = 3


class SchemaVersionError(Exception):
    """The database does not have the schema that this program needs; the message says what to do."""


class SchemaTooOldError(SchemaVersionError):
    """The database has no schema, or an older one than this program needs: run `engagement migrate`."""


class SchemaTooNewError(SchemaVersionError):
    """The database was migrated by a newer version of this program: upgrade the program."""


async def require_newest(connection: Connection) -> None:
    """Raise SchemaTooOldError or SchemaTooNewError unless the database has the schema of this program."""
    version = await schema_version(connection)
    refuse_newer(version)
    if version < NEWEST:
        raise SchemaTooOldError(explain_version(version))


def refuse_newer(version: int) -> None:
    """Raise SchemaTooNewError if a schema is newer than this program."""
    if version > NEWEST:
        raise SchemaTooNewError(explain_version(version))


async def schema_version(connection: Connection) -> int:
    """Return the schema version of the database, 0 where it has no schema."""
    if await connection.fetchval("select to_regclass('installation')") is None:
        return 0
    version: int = await connection.fetchval("select schema_version from installation")
    return version


def explain_version(version: int) -> str:
    """Return in one line what is wrong with a schema of another version than NEWEST, and what to do."""
    if version == 0:
        return "the database has no schema: run `engagement migrate`"
    if version < NEWEST:
        return f"the schema is at version {version}, this program needs {NEWEST}: run `engagement migrate`"
    return f"the schema is at version {version}, this program knows {NEWEST}: upgrade the program"
