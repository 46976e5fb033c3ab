"""Which programs may run on which schema, during a migration and after it, and where that is said."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from consumer.__main__ import main
from consumer.cli.migrate import plan_lines
from consumer.cli.preflight import check
from consumer.infra import postgres
from consumer.infra.postgres.migrate import ProgramsRunningError, migrate, plan
from consumer.infra.postgres.migration_script import MigrationScriptError, migrations, parse
from consumer.infra.postgres.schema_version import PROGRAM, Schema, SchemaTooNewError, read_schema
from consumer.infra.settings import Settings
from tests.postgres.made_up_migrations import (
    BACKFILL,
    COLUMN,
    CONTACTS,
    INDEX,
    NEXT,
    OLDEST,
    known_with,
    made,
    progress,
)

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection

_ROOT = Path(__file__).parents[2]


# What runs beside it -----------------------------------------------------------------------------------------


async def test_programs_run_beside_an_additivemade(database: str, other: Connection) -> None:
    """After it the schema is newer, and programs of this version connect."""
    assert await migrate(database, known=known_with(made(COLUMN, INDEX, BACKFILL))) == (PROGRAM, NEXT)
    assert await read_schema(other) == Schema(NEXT, oldest_program=OLDEST)
    connection = await postgres.connect(database)
    assert await connection.fetchval("select count(*) from contacts where nickname = external_id") == CONTACTS
    await connection.close()
    assert await migrate(database) == (NEXT, NEXT), "the older program's `migrate` finds nothing to do"


@pytest.mark.parametrize(
    ("version", "oldest", "program", "runs"),
    [
        (3, 3, 3, True),
        (5, 3, 3, True),
        (5, 3, 4, True),
        (5, 4, 3, False),
        (5, 5, 5, True),
        (4, 3, 5, False),
        # A migration that shuts out older programs has begun.
        (4, 5, 4, False),
        (4, 5, 5, False),
        (0, 0, 3, False),
    ],
)
def test_which_program_runs_on_which_schema(version: int, oldest: int, program: int, *, runs: bool) -> None:
    """One runs on a schema that has its migrations and for which it is not too old, and on no other."""
    assert (Schema(version, oldest).fault(program, needed=program) is None) == runs


async def test_a_migration_that_takes_away_waits_for_older_programs(database: str, other: Connection) -> None:
    """While one is connected nothing changes; when it has ended it is refused, with a line that says what to do."""
    contract = made("-- step: brief\nalter table contacts drop column external_id cascade;", oldest=NEXT)
    refusal = ""
    try:
        await migrate(database, known=known_with(contract))
    except ProgramsRunningError as error:
        refusal = str(error)
    assert f"running: version {PROGRAM} (1 connections); stop them" in refusal
    assert await read_schema(other) == Schema(PROGRAM, oldest_program=OLDEST)
    assert await other.fetchval("select count(external_id) from contacts") == CONTACTS
    await other.close()
    assert await migrate(database, known=known_with(contract)) == (PROGRAM, NEXT)
    with pytest.raises(
        SchemaTooNewError, match=f"from version {NEXT} on, this program has version {PROGRAM}: upgrade"
    ):
        await postgres.connect(database)
    with pytest.raises(SchemaTooNewError):
        await migrate(database)


async def test_programs_are_found_by_the_names_of_their_connections(database: str) -> None:
    """Version 3 has no number there, and a pooler adds to names; `check`, `migrate` and strangers do not count."""
    contract = made(COLUMN, oldest=NEXT)
    older = ["engagement", "engagement-lanes", "engagement - 10.0.0.1:4000", f"engagement-later/{PROGRAM}"]
    others = [f"engagement/{NEXT}", f"engagement/{NEXT} - 10.0.0.1:4001", f"engagement-migrate/{PROGRAM}"]
    names = [*older, *others, "engagement-check", "engagement-dashboard", "psql"]
    connections = [
        await asyncpg.connect(database, server_settings={"application_name": name}) for name in names
    ]
    _, pending = await plan(database, known=known_with(contract))
    assert [one.running for one in pending] == [{3: 3, PROGRAM: 1}]
    for connection in connections:
        await connection.close()
    assert await migrate(database, known=known_with(contract)) == (PROGRAM, NEXT)


async def test_plan_says_what_may_run_and_changes_nothing(
    database: str, other: Connection, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`migrate --plan` lists steps, programs that may run, and connected ones that have to be stopped."""
    contract = made("-- step: brief\ndrop index contacts_by_shard", number=NEXT + 1, oldest=NEXT)
    known = known_with(made(COLUMN, INDEX), contract)
    assert plan_lines(*await plan(database, known=known)) == [
        f"the schema is at version {PROGRAM}, {_programs(PROGRAM)} may run",
        f"migration {NEXT:04}_test:",
        "  1. locks for a moment (alter table contacts add column nickname text)",
        f"  2. builds an index, while programs read and write ({_statement(INDEX)})",
        f"  during it and after it {_programs(NEXT)} may run",
        f"migration {NEXT + 1:04}_test:",
        "  1. locks for a moment (drop index contacts_by_shard)",
        f"  during it and after it programs of versions {NEXT} to {NEXT + 1} may run",
        f"  stop first: programs of version {PROGRAM}, 1 connections",
    ]
    assert await progress(other) is None
    monkeypatch.setenv("ENGAGEMENT_DATABASE_URL", database)
    assert await asyncio.to_thread(main, ["migrate", "--plan"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "nothing to do"


def _statement(step: str) -> str:
    return step.splitlines()[1].rstrip(";")


def _programs(newest: int) -> str:
    return (
        f"programs of version {newest}" if newest == OLDEST else f"programs of versions {OLDEST} to {newest}"
    )


async def test_check_says_what_may_run(
    database: str, other: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`check` reports the version and the oldest program, and a migration that waits or has begun."""

    async def schema() -> tuple[bool, str]:
        found = await check(Settings(database_url=database, kafka_bootstrap="127.0.0.1:1"))
        [finding] = [finding for finding in found if finding.subject == "schema"]
        return finding.ok, finding.text

    assert await schema() == (True, f"version {PROGRAM}; programs from version {OLDEST} on may run")
    await migrate(database, known=known_with(made(COLUMN)))
    assert await schema() == (
        True,
        f"version {NEXT}, newer than this program ({PROGRAM}); programs from version {OLDEST} on may run",
    )
    await other.execute("update migrations set finished_at = null where number = $1", NEXT)
    monkeypatch.setattr("consumer.infra.postgres.migrate.migrations", lambda: known_with(made(COLUMN)))
    assert plan_lines(*await plan(database))[1] == f"migration {NEXT:04}_test (begun, 1 of 1 steps done):"


# The files ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "-- step: brief\nselect 1",
        "-- oldest program: 3\nselect 1",
        "-- oldest program: 3\n-- step: slowly\nselect 1",
        f"-- oldest program: {NEXT + 1}\n-- step: brief\nselect 1",
        f"-- oldest program: {PROGRAM}\n-- step: stopped\nselect 1",
        f"-- oldest program: {NEXT}\n-- step: stopped\nselect 1\n-- step: brief\nselect 2",
    ],
)
def test_a_file_has_to_say_what_may_run_beside_it(text: str) -> None:
    """One without its oldest program, without steps, of an unknown kind or with a wrong promise is refused."""
    with pytest.raises(MigrationScriptError, match=f"^{NEXT:04}_test.sql"):
        parse(f"{NEXT:04}_test.sql", text)


def test_migrations_are_numbered_without_gaps() -> None:
    """From version 2 on; programs that may run only ever become newer; from 4 on all are live."""
    known = migrations()
    assert [one.number for one in known] == list(range(2, PROGRAM + 1))
    oldest = [one.oldest_program for one in known]
    assert oldest == sorted(oldest)
    assert all(one.is_live for one in known if one.number > 3)


async def test_a_role_without_rights_on_new_tables_still_connects(other: Connection) -> None:
    """The API may have a role with rights on the tables of version 3 only: it can read the version."""
    name = await other.fetchval("select current_database()")
    await other.execute(f"""
        create role "{name}_web"; grant select on installation to "{name}_web"; set role "{name}_web" """)
    try:
        assert (await read_schema(other)).fault() is None
    finally:
        await other.execute(f'reset role; drop owned by "{name}_web"; drop role "{name}_web"')


async def test_a_new_database_runs_the_programs_that_a_migrated_one_runs(other: Connection) -> None:
    """The schema of a new database names the oldest program that the newest migration names."""
    newest = migrations()[-1]
    assert await read_schema(other) == Schema(newest.number, newest.oldest_program)
