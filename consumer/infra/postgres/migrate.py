"""Creates the database schema, or runs the migrations that it lacks, while programs run on it.

It can be killed at any time: the next one goes on at the step that this one has not finished, and with steps in
batches at the batch. Two at once take turns. docs/upgrading.md says what may run beside it.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sql
from consumer.infra.postgres import migration_steps, session
from consumer.infra.postgres.connection import open_unbounded
from consumer.infra.postgres.migration_script import migrations
from consumer.infra.postgres.schema_version import PROGRAM, SchemaTooNewError, read_schema

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence

    from consumer.infra.postgres.connection import Connection
    from consumer.infra.postgres.migration_script import Migration, Step
    from consumer.infra.postgres.schema_version import Schema

_SQL = sql.queries("migrations")

# Key of the advisory lock, the same in every version: two migrations of one database never run at once.
_LOCK = 0x656E67616765
# Seconds from one try to get it to the next. Waiting in the server would hold a snapshot, and where the other
# migration builds an index, that waits for the end of all snapshots.
_LOCK_EVERY = 0.2
# No bounds on what a migration waits for or takes, but for its brief steps. The server notices within a second that
# this program was killed, and does not go on building an index.
_SETTINGS = {
    "timezone": "UTC",
    "lock_timeout": "0",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "client_connection_check_interval": "1000",
}


class ProgramsRunningError(Exception):
    """Programs are connected that a migration shuts out; the message says which."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A migration that a database lacks.

    done: how many of its steps. running: connections of programs that it shuts out, by their version.
    """

    migration: Migration
    done: int
    running: dict[int, int]


async def migrate(
    dsn: str,
    *,
    report: Callable[[str], None] = lambda _line: None,
    known: Sequence[Migration] | None = None,
) -> tuple[int, int]:
    """Bring the database at `dsn` to the newest schema; return the versions before and after.

    Version 0 is an empty database. report: called with a line for each step, and from time to time during one.
    known: the migrations, by default those of this program. Raises SchemaTooNewError where a newer program has shut
    this one out, ProgramsRunningError, StepBlockedError, PoolerModeError, and what Postgres answers to a step.
    """
    known = migrations() if known is None else known
    async with _connected(dsn) as connection:
        await _take_turn(connection, report)
        schema = await read_schema(connection)
        if schema.version == 0:
            async with connection.transaction():
                await connection.execute(sql.schema())
                await connection.execute(_SQL["created"], PROGRAM)
        _refuse_newer(await read_schema(connection), known)
        await connection.execute(sql.table_of_migrations())
        for migration in _lacking(await read_schema(connection), known):
            await _apply(connection, migration, lambda: _open(dsn), report)
        return schema.version, (await read_schema(connection)).version


async def plan(dsn: str, *, known: Sequence[Migration] | None = None) -> tuple[Schema, list[Pending]]:
    """Return the schema of the database and the migrations that it lacks; change nothing."""
    known = migrations() if known is None else known
    async with _connected(dsn) as connection:
        schema = await read_schema(connection)
        _refuse_newer(schema, known)
        return schema, await pending(connection, schema, known)


async def pending(
    connection: Connection, schema: Schema, known: Iterable[Migration] | None = None
) -> list[Pending]:
    """Return the migrations that a schema lacks, none where there is no schema."""
    if schema.version == 0:
        return []
    [tables] = await connection.fetch(_SQL["tables"])
    found = []
    for migration in _lacking(schema, migrations() if known is None else known):
        progress = (
            await connection.fetchrow(_SQL["progress"], migration.number)
            if tables["has_migrations"]
            else None
        )
        done = progress["steps"] if progress else 0
        found.append(Pending(migration, done, await _shut_out(connection, migration, schema)))
    return found


async def _open(dsn: str) -> Connection:
    return await open_unbounded(dsn, server_settings={"application_name": f"engagement-migrate/{PROGRAM}"})


@asynccontextmanager
async def _connected(dsn: str) -> AsyncIterator[Connection]:
    connection = await _open(dsn)
    try:
        await session.begin(connection, _SETTINGS, lambda: _open(dsn))
        yield connection
    except BaseException:
        connection.terminate()
        raise
    await connection.close()  # in order: the lock is free when this returns


async def _take_turn(connection: Connection, report: Callable[[str], None]) -> None:
    if await connection.fetchval(_SQL["try_lock"], _LOCK):
        return
    report("another migration of this database is running: waiting for its end")
    while not await connection.fetchval(_SQL["try_lock"], _LOCK):  # noqa: ASYNC110 - no event: the lock is the server's
        await asyncio.sleep(_LOCK_EVERY)


def _refuse_newer(schema: Schema, known: Sequence[Migration]) -> None:
    fault = schema.fault(known[-1].number)
    if isinstance(fault, SchemaTooNewError):
        raise fault


def _lacking(schema: Schema, known: Iterable[Migration]) -> list[Migration]:
    return [migration for migration in known if migration.number > schema.version]


async def _shut_out(connection: Connection, migration: Migration, schema: Schema) -> dict[int, int]:
    """Return the connections of running programs that a migration shuts out, by version."""
    if migration.oldest_program <= schema.oldest_program:
        return {}
    # Programs up to version 3 are connected without a version, and run on a schema of their own.
    unnamed = min(3, schema.oldest_program)
    rows = await connection.fetch(_SQL["programs"], migration.oldest_program, unnamed)
    return {row["version"]: row["connections"] for row in rows}


async def _require_none_running(connection: Connection, migration: Migration, schema: Schema) -> None:
    if running := await _shut_out(connection, migration, schema):
        listed = ", ".join(f"version {version} ({count} connections)" for version, count in running.items())
        raise ProgramsRunningError(
            f"migration {migration.name} is for programs from version {migration.oldest_program} on, and older "
            f"ones are running: {listed}; stop them, then run `engagement migrate` again"
        )


async def _apply(
    connection: Connection,
    migration: Migration,
    open_another: Callable[[], Awaitable[Connection]],
    report: Callable[[str], None],
) -> None:
    schema = await read_schema(connection)
    await _require_none_running(connection, migration, schema)
    if not migration.is_live:
        await _apply_stopped(connection, migration, report)
        return
    if migration.oldest_program > schema.oldest_program:
        # From now on no older one connects; one that did meanwhile is found below.
        await connection.execute(_SQL["raise_oldest_program"], migration.oldest_program)
        await _require_none_running(connection, migration, schema)
    [begun] = await connection.fetch(_SQL["begin"], migration.number)
    for number, step in enumerate(migration.steps, 1):
        if number > begun["steps"]:
            report(f"migration {migration.name}, step {number} of {len(migration.steps)}: {describe(step)}")
            position = begun["position"] if number == begun["steps"] + 1 else None
            await migration_steps.run(
                connection,
                migration,
                number,
                position=position or 0,
                open_another=open_another,
                report=report,
            )
    await connection.execute(_SQL["finish"], migration.number)


async def _apply_stopped(connection: Connection, migration: Migration, report: Callable[[str], None]) -> None:
    report(
        f"migration {migration.name}: one transaction while no program runs; in a large database this takes "
        f"minutes; interrupted, it leaves version {migration.number - 1}"
    )
    [step] = migration.steps
    async with connection.transaction():
        await connection.execute(step.statement)
        await connection.execute(_SQL["raise_oldest_program"], migration.oldest_program)
        await connection.execute(_SQL["created"], migration.number)


_DESCRIPTIONS = {
    "brief": "locks for a moment",
    "validate": "reads a table, while programs read and write",
    "index": "builds an index, while programs read and write",
    "batches": "changes rows in batches",
    "stopped": "one transaction while no program runs",
}


def describe(step: Step) -> str:
    """Return what a step does, and the first line of its statement."""
    lines = [line for line in step.statement.splitlines() if line and not line.startswith("--")]
    return f"{_DESCRIPTIONS[step.kind]} ({lines[0].rstrip(';')})"
