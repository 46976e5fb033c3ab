"""Which schemas this program can run on, and which one a database has.

A program knows the migrations up to its own version. It runs on every schema that has them, as long as no later one
has shut it out. Every connection is checked when it is opened (connection.py): under another schema the database
refuses valid events, and each would become a dead letter. Only `check` and `migrate` work with any schema.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer.infra.postgres.migration_script import migrations
from sql import queries

if TYPE_CHECKING:
    from typing import TypeAlias

    import asyncpg

    Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

_SQL = queries("migrations")

# The version of this program: the newest migration that it knows.
PROGRAM = migrations()[-1].number
# The newest migration that it cannot run without.
NEEDED = max(migration.number for migration in migrations() if not migration.is_afterwards)


class SchemaVersionError(Exception):
    """This program cannot run on the database's schema; the message says what to do."""


class SchemaTooOldError(SchemaVersionError):
    """The database has no schema, or lacks a migration that this program needs: run `engagement migrate`."""


class SchemaTooNewError(SchemaVersionError):
    """The database was migrated to a schema that shuts this program out: upgrade the program."""


@dataclass(frozen=True, slots=True)
class Schema:
    """The schema of a database: its version (0: none), and the oldest program that may run on it."""

    version: int
    oldest_program: int

    def fault(self, program: int = PROGRAM, needed: int = NEEDED) -> SchemaVersionError | None:
        """Return why a program of this version cannot run on the schema, None if it can.

        needed: the version of the schema that it cannot run without.
        """
        if self.version == 0:
            return SchemaTooOldError("the database has no schema: run `engagement migrate`")
        if self.oldest_program > program:
            return SchemaTooNewError(
                f"the schema is for programs from version {self.oldest_program} on, this program has version "
                f"{program}: upgrade the program"
            )
        if self.version < needed:
            return SchemaTooOldError(
                f"the schema is at version {self.version}, this program needs {needed}: run `engagement migrate`"
            )
        return None


async def read_schema(connection: Connection) -> Schema:
    """Return the schema of the database."""
    [tables] = await connection.fetch(_SQL["tables"])
    if not tables["has_schema"]:
        return Schema(0, 0)
    [found] = await connection.fetch(_SQL["version" if tables["has_migrations"] else "version_3"])
    return Schema(found["version"], found["oldest_program"])


async def require_schema(connection: Connection) -> None:
    """Raise SchemaTooOldError or SchemaTooNewError unless this program can run on the database's schema."""
    fault = (await read_schema(connection)).fault()
    if fault is not None:
        raise fault
