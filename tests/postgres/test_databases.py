"""The databases that tests get: with the schema, of their own, and gone afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg

from consumer.infra.postgres.schema_version import PROGRAM, read_schema

if TYPE_CHECKING:
    from tests.servers.postgres import PostgresServer


async def test_a_database_has_the_schema_and_is_nobody_elses(
    database: str, module_database: str, empty_database: str
) -> None:
    """Each has the newest schema, but for the empty one, and what is written in one is not in another."""
    versions = []
    for dsn in (database, module_database, empty_database):
        connection = await asyncpg.connect(dsn)
        versions.append((await read_schema(connection)).version)
        await connection.execute("create table mine ()")  # fails where it is there already
        await connection.close()
    assert versions == [PROGRAM, PROGRAM, 0]


async def test_a_connection_is_to_the_tests_own_database(
    database: str, connection: asyncpg.Connection[asyncpg.Record]
) -> None:
    """The ready-made connection leads to `database`."""
    assert await connection.fetchval("select current_database()") == database.rpartition("/")[2]


async def test_databases_of_earlier_tests_are_gone(
    postgres_server: PostgresServer, module_database: str
) -> None:
    """Of all that tests were given, only the template and the module's own are left."""
    connection = await asyncpg.connect(postgres_server.dsn)
    run = module_database.rpartition("/")[2].rpartition("_")[0]
    names = await connection.fetch("select datname from pg_database where datname ^@ $1", run)
    await connection.close()
    assert {name for (name,) in names} == {f"{run}_template", module_database.rpartition("/")[2]}
