"""An upgraded database is one that the program of this version could have made.

tests/schema_versions has the databases to upgrade: `1.sql` was made by the program of version 1, from the history
that these tests let happen in a new database too.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from consumer.__main__ import main
from consumer.cli.preflight import check
from consumer.infra.postgres.migrate import migrate
from consumer.infra.postgres.migration_script import migrations
from consumer.infra.postgres.schema_version import NEEDED, PROGRAM, Schema, read_schema
from consumer.infra.settings import Settings
from consumer.scoring.verify import verify
from tests.pipeline import committed_rows, service
from tests.schema_versions import history

_VERSION_1 = Path(__file__).parents[1] / "schema_versions" / "1.sql"

# What makes up a schema, by its catalogs. Months of the timeline are tables too.
_SCHEMA = {
    "columns": """
        select c.relname, c.relkind, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
            pg_get_expr(d.adbin, d.adrelid), a.attidentity, a.attgenerated, a.attstorage, a.attcompression,
            a.attcollation
        from pg_class c
        join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
        left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
        where c.relnamespace = 'public'::regnamespace""",
    "tables": """
        select relname, relkind, relpersistence, relispartition, reloptions, pg_get_expr(relpartbound, oid),
            pg_get_partkeydef(oid)
        from pg_class where relnamespace = 'public'::regnamespace""",
    "constraints": """
        select conrelid::regclass::text, conname, contype, convalidated, conislocal, pg_get_constraintdef(oid)
        from pg_constraint where connamespace = 'public'::regnamespace""",
    "indexes": """
        select i.indrelid::regclass::text, i.indisprimary, i.indisunique, i.indisvalid,
            pg_get_indexdef(i.indexrelid)
        from pg_index i join pg_class c on c.oid = i.indexrelid where c.relnamespace = 'public'::regnamespace""",
    "views": """
        select relname, pg_get_viewdef(oid) from pg_class
        where relnamespace = 'public'::regnamespace and relkind in ('v', 'm')""",
    "functions": """
        select oid::regprocedure::text, prokind, case when prokind <> 'a' then pg_get_functiondef(oid) end
        from pg_proc where pronamespace = 'public'::regnamespace""",
    "types": """
        select t.typname, t.typtype,
            array(select enumlabel::text from pg_enum where enumtypid = t.oid order by enumsortorder)
        from pg_type t where t.typnamespace = 'public'::regnamespace""",
    "triggers": """
        select tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) from pg_trigger where not tgisinternal""",
}


@pytest.fixture
async def version_1(empty_database: str) -> str:
    """Give a database that the program of version 1 has made."""
    connection = await asyncpg.connect(empty_database)
    await connection.execute(_VERSION_1.read_text("utf-8"))
    await connection.close()
    return empty_database


@pytest.fixture
async def upgraded(version_1: str) -> str:
    """Give the database of version 1 after its upgrade."""
    await migrate(version_1)
    return version_1


@pytest.fixture
async def anew(database: str) -> str:
    """Give a new database in which the same has happened."""
    await history.play(database)
    return database


async def _schema(dsn: str) -> dict[str, list[tuple[Any, ...]]]:
    connection = await asyncpg.connect(dsn)
    try:
        return {
            what: sorted((tuple(row) for row in await connection.fetch(statement)), key=repr)
            for what, statement in _SCHEMA.items()
        }
    finally:
        await connection.close()


async def _version(dsn: str) -> Schema:
    connection = await asyncpg.connect(dsn)
    try:
        return await read_schema(connection)
    finally:
        await connection.close()


async def _rows(dsn: str) -> dict[str, Any]:
    """Return what is stored, but for what the programs of two versions may write differently."""
    await service.carry_out(dsn)
    connection = await asyncpg.connect(dsn)
    try:
        rows = await committed_rows.everything(connection)
    finally:
        await connection.close()
    # The order of messages of different keys within a row, and groups beside a row that has no scores.
    del rows["outbox_positions"]
    # Of an erased id nothing is published: its shard is that of its deletion, or unknown.
    rows["contacts"] = [row for row in rows["contacts"] if row[1] is not None]
    rows["dedup_keys"] = [_without_idle_fixed_point(*row) for row in rows["dedup_keys"]]
    return rows


def _without_idle_fixed_point(*row: Any) -> tuple[Any, ...]:
    """Return a dedup key without a fixed point before its last counted event.

    Version 1 remembers one of an older edition however long ago it was. It decides about no event after the last
    counted one, and for events before that the timeline is read.
    """
    *key, last_counted_at, last_counted_key, last_fixed_at = row
    is_idle = last_counted_at and last_fixed_at and last_fixed_at < last_counted_at
    return (*key, last_counted_at, last_counted_key, None if is_idle else last_fixed_at)


async def test_the_schema_is_that_of_a_new_database(upgraded: str, anew: str) -> None:
    """Tables, columns in their order, constraints, indexes, views, functions, types, versions are a new one's."""
    found, wanted = await _schema(upgraded), await _schema(anew)
    for what in _SCHEMA:
        assert found[what] == wanted[what], what
    assert {what for what, rows in wanted.items() if not rows} == {"triggers"}
    assert await _version(upgraded) == await _version(anew)


async def test_everything_adds_up_after_the_upgrade(upgraded: str) -> None:
    """`verify` judges the stored timeline again and finds no difference."""
    report = await verify(upgraded)
    assert report.differences == []
    assert set(report.verdicts) == {"counted", "already_counted", "cooling_down", "excluded"}


async def test_the_rows_are_those_of_a_new_database(upgraded: str, anew: str) -> None:
    """They are what the new program stores of the same history, and so are those of a further, late batch."""
    assert await _rows(upgraded) == await _rows(anew)
    outcomes = await history.play_on(upgraded)
    assert set(outcomes) == {"applied", "duplicate"}
    assert await history.play_on(anew) == outcomes
    assert await _rows(upgraded) == await _rows(anew)
    assert (await verify(upgraded)).differences == []


async def test_unfinished_work_ends_after_the_upgrade(upgraded: str, anew: str) -> None:
    """Publishes that are building or announcing and a rejudgement go on where they were, to the same end."""
    connection = await asyncpg.connect(upgraded)
    states = """
        select state::text from publishes where ended_at is null
        union all select state::text from rejudgements where ended_at is null order by 1"""
    assert [state for (state,) in await connection.fetch(states)] == ["announcing", "building", "running"]
    await history.play_on(upgraded)
    await history.finish(upgraded)
    assert await connection.fetch(states) == []
    await connection.close()
    assert (await verify(upgraded)).differences == []
    await history.play_on(anew)
    await history.finish(anew)
    assert await _rows(upgraded) == await _rows(anew)


async def test_tallies_outlast_their_entries(version_1: str) -> None:
    """Where entries are no longer retained, under a policy per object too, the tallies stay as they were (5.9)."""
    connection = await asyncpg.connect(version_1)
    # Deletes half of the clicks, which count always and per object.
    await connection.execute("""
        delete from public.timeline t using public.definitions d
        where d.id = t.definition_id and d.key = 'clicked' and get_byte(t.event_key, 0) % 2 = 0""")
    before = await connection.fetch("select * from public.tallies where count <> 0 order by 1, 2, 3")
    await migrate(version_1)
    after = await connection.fetch("""
        select contact_id, definition_id, edition, sum(count) as count from public.dedup_keys
        group by 1, 2, 3 having sum(count) <> 0 order by 1, 2, 3""")
    await connection.close()
    assert [tuple(row) for row in after] == [tuple(row) for row in before]


async def test_old_months_become_one_partition(version_1: str) -> None:
    """Entries of months before the last two years stay, in one partition; the months' own tables are gone."""
    connection = await asyncpg.connect(version_1)
    for month in ("2001_05", "2001_06"):
        year, number = month.split("_")
        await connection.execute(f"""
            create table public.timeline_{month} partition of public.timeline
                for values from ('{year}-{number}-01Z') to ('{year}-{int(number) + 1:02}-01Z');
            insert into public.timeline select account_id, contact_id, timestamptz '{year}-{number}-09 10:00Z'
                + row_number() over () * interval '1 s', event_key, definition_id, edition, verdict, settled,
                xp_worth, credit_number, type, source, event_id, object_id, actor_id, actor_type, data, recorded_at
            from public.timeline where verdict = 'excluded'""")
    added = ", null as came_by, null as purged_at"
    of_old = f"select *{added} from public.timeline where occurred_at < '2002-01-01Z' order by occurred_at"
    before = await connection.fetch(of_old)
    assert before
    await migrate(version_1)
    assert await connection.fetch(of_old.replace(added, "")) == before
    tables = await connection.fetch(
        "select distinct tableoid::regclass::text from ("
        + of_old.replace(f"*{added}", "tableoid, occurred_at")
        + ") t"
    )
    assert len(tables) == 1
    assert await connection.fetchval("select to_regclass('public.timeline_2001_05')") is None
    await connection.close()


async def test_an_upgrade_is_done_once(version_1: str) -> None:
    """Migrating again changes nothing."""
    assert await migrate(version_1) == (1, PROGRAM)
    schema, rows = await _schema(version_1), await _rows(version_1)
    assert await migrate(version_1) == (PROGRAM, PROGRAM)
    assert (await _schema(version_1), await _rows(version_1)) == (schema, rows)


async def test_the_old_schema_is_reported(version_1: str) -> None:
    """`check` says what to run on a database of version 1."""
    found = await check(Settings(database_url=version_1, kafka_bootstrap="127.0.0.1:1"))
    [schema] = [finding for finding in found if finding.subject == "schema"]
    assert not schema.ok
    names = ", ".join(migration.name for migration in migrations())
    assert schema.text == (
        f"the schema is at version 1, this program needs {NEEDED}: run `engagement migrate` (pending: {names}; "
        "`migrate --plan` says what may run meanwhile)"
    )


async def test_migrate_announces_an_upgrade(
    version_1: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command says of each migration before it begins that it may take long, and that no program runs."""
    monkeypatch.setenv("ENGAGEMENT_DATABASE_URL", version_1)
    assert await asyncio.to_thread(main, ["migrate"]) == 0
    second, third, *_, end = capsys.readouterr().out.splitlines()
    assert second.startswith(
        "migration 0002_dedup_keys_and_contact_scores: one transaction while no program runs"
    )
    assert second.endswith("minutes; interrupted, it leaves version 1")
    assert third.endswith("interrupted, it leaves version 2")
    assert end == f"upgraded the schema from version 1 to {PROGRAM}"
