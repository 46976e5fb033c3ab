"""A migration runs while programs work, and can be killed at any time and repeated."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from consumer.infra import postgres
from consumer.infra.postgres import migration_steps
from consumer.infra.postgres.migrate import migrate
from consumer.infra.postgres.schema_version import PROGRAM
from tests.postgres.made_up_migrations import (
    BACKFILL,
    COLUMN,
    CONTACTS,
    INDEX,
    NEXT,
    known_with,
    made,
    progress,
    script,
)
from tests.waiting import eventually

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection

_ROOT = Path(__file__).parents[2]


# While others work --------------------------------------------------------------------------------------------


async def test_a_brief_step_lets_others_pass(
    database: str, other: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a long transaction has the table, the step tries again and again, and no reader waits long for it."""
    monkeypatch.setattr(migration_steps, "_REPORT_EVERY", 0.0)
    reader = await postgres.connect(database)
    lines: list[str] = []
    await other.execute("begin; select count(*) from contacts; set idle_in_transaction_session_timeout = 0")
    migrating = asyncio.create_task(migrate(database, report=lines.append, known=known_with(made(COLUMN))))

    async def waits() -> bool:
        began = time.monotonic()
        await reader.fetchval("select count(*) from contacts")
        assert time.monotonic() - began < 1.9, "longer than a batch waits for a lock"
        return sum("waiting for a lock" in line for line in lines) >= 3

    await eventually(waits, within=30, what="three attempts")
    assert not migrating.done()
    assert f"process {other.get_server_pid()} (engagement/{PROGRAM}) has a transaction open for" in lines[-1]
    await other.execute("rollback")
    assert await migrating == (PROGRAM, NEXT)
    await reader.close()


async def test_an_index_is_built_while_others_write(database: str, other: Connection) -> None:
    """Beside a transaction that writes the table the index waits, and others write on meanwhile."""
    writer = await postgres.connect(database)
    await other.execute("""
        set idle_in_transaction_session_timeout = 0; begin;
        update contacts set shard = 1 where external_id = 'c1'""")
    migrating = asyncio.create_task(migrate(database, known=known_with(made(INDEX))))
    await eventually(_index_state(writer), within=30, what="an index that is not valid yet")
    assert await writer.execute("update contacts set shard = 2 where external_id = 'c2'") == "UPDATE 1"
    assert not migrating.done()
    await other.execute("commit")
    assert await migrating == (PROGRAM, NEXT)
    assert await _index_state(writer)() == "valid"
    await writer.close()


def _index_state(connection: Connection) -> Any:
    async def state() -> str | None:
        valid = await connection.fetchval(
            "select indisvalid from pg_index where indexrelid = to_regclass('contacts_by_shard')"
        )
        return {None: None, True: "valid", False: "not valid"}[valid]

    return state


async def test_an_index_of_a_partitioned_table_is_built_by_partition(
    database: str, other: Connection
) -> None:
    """It is valid at the end with a part in each partition, new ones too; what was left half done is replaced."""
    step = "-- step: index\ncreate index concurrently timeline_by_type on timeline (type, contact_id)"
    month = "create table {0} partition of timeline for values from ('{1}-01Z') to ('{2}-01Z')"
    await other.execute(month.format("timeline_2031_01", "2031-01", "2031-02"))
    await other.execute("create index on only timeline (type, contact_id)")
    await other.execute("alter index timeline_type_contact_id_idx rename to timeline_by_type")
    # As a killed attempt leaves it.
    await other.execute("create index on timeline_2031_01 (type, contact_id)")
    part = "timeline_2031_01_type_contact_id_idx"
    await other.execute(f"update pg_index set indisvalid = false where indexrelid = '{part}'::regclass")
    before = await other.fetchval(f"select '{part}'::regclass::oid")
    assert await migrate(database, known=known_with(made(step))) == (
        PROGRAM,
        NEXT,
    )
    assert await other.fetchval(
        "select indisvalid from pg_index where indexrelid = 'timeline_by_type'::regclass"
    )
    assert await other.fetchval(f"select '{part}'::regclass::oid") != before
    await other.execute(month.format("timeline_2031_02", "2031-02", "2031-03"))
    parts = "select count(*) from pg_inherits where inhparent = $1::regclass"
    assert await other.fetchval(parts, "timeline_by_type") == await other.fetchval(parts, "timeline") > 2


# Killed and repeated ------------------------------------------------------------------------------------------

_PROGRAM = """
import asyncio, sys
from consumer.infra.postgres import migration_steps
from consumer.infra.postgres.migrate import migrate
from consumer.infra.postgres.migration_script import migrations, parse
migration_steps._FIRST_ROWS = migration_steps._MOST_ROWS = 20
known = [*migrations(), parse(sys.argv[2], sys.argv[3])]
asyncio.run(migrate(sys.argv[1], report=lambda line: print(line, flush=True), known=known))
"""


async def _in_a_process(database: str, *steps: str) -> asyncio.subprocess.Process:
    words = sys.executable, "-c", _PROGRAM, database, f"{NEXT:04}_test.sql", script(*steps)
    return await asyncio.create_subprocess_exec(
        *words, cwd=_ROOT, stdout=asyncio.subprocess.PIPE, env=os.environ
    )


async def _killed(process: asyncio.subprocess.Process) -> None:
    process.send_signal(signal.SIGKILL)
    assert await process.wait() == -signal.SIGKILL
    assert process.stdout is not None
    await process.stdout.read()


async def test_killed_in_its_batches_it_goes_on_there(database: str, other: Connection) -> None:
    """After kill -9 the next one does not begin again, and changes every row once."""
    await other.execute("""
        alter table contacts add column times integer default 0;
        create function again() returns trigger language plpgsql as $$
            begin new.times := old.times + 1; return new; end $$;
        create trigger again before update on contacts for each row execute function again()""")
    process = await _in_a_process(database, COLUMN, BACKFILL)

    async def some_done() -> bool:
        found = await progress(other)
        return found is not None and found[0] == 1 and (found[1] or 0) > 100

    await eventually(some_done, within=30, every=0.001, what="some batches")
    await _killed(process)
    done = await other.fetchval("select count(*) from contacts where nickname is not null")
    assert 0 < done < CONTACTS
    lines: list[str] = []
    await migrate(
        database,
        report=lines.append,
        known=known_with(made(COLUMN, BACKFILL)),
    )
    changed = await other.fetch(
        "select times, count(*) from contacts where nickname = external_id group by 1"
    )
    assert [tuple(row) for row in changed] == [(1, CONTACTS)]
    step, where = lines
    assert "step 2 of 2" in step
    assert where.startswith("  goes on at ")


async def test_killed_while_it_builds_an_index_it_builds_it_again(database: str, other: Connection) -> None:
    """After kill -9 an index is left that is not valid; the next one drops it, and has it built."""
    await other.execute(
        "set idle_in_transaction_session_timeout = 0; begin; delete from contacts where id < 0"
    )
    await other.execute("update contacts set shard = 1 where external_id = 'c1'")
    looking = await asyncpg.connect(database)
    process = await _in_a_process(database, INDEX)
    await eventually(_index_state(looking), within=30, what="an index that is not valid yet")
    await _killed(process)
    lines: list[str] = []
    migrating = asyncio.create_task(migrate(database, report=lines.append, known=known_with(made(INDEX))))
    await eventually(
        lambda: "  contacts_by_shard was not finished: builds it again" in lines,
        within=30,
        what="the second one",
    )
    await other.execute("commit")
    assert await migrating == (PROGRAM, NEXT)
    assert await _index_state(looking)() == "valid"
    await looking.close()


async def test_a_brief_step_that_is_not_brief_is_ended(
    database: str, other: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would lock others out for as long as it takes; a step `validate`, which does not, may take longer."""
    monkeypatch.setattr(migration_steps, "_BRIEF", 50)
    long = "\nselect pg_sleep(0.2)"
    with pytest.raises(asyncpg.QueryCanceledError):
        await migrate(database, known=known_with(made(COLUMN + long)))
    assert await progress(other) == (0, None, False)
    step = COLUMN.replace("brief", "validate") + long
    assert await migrate(database, known=known_with(made(step))) == (PROGRAM, NEXT)


async def test_two_at_once_take_turns(database: str, other: Connection) -> None:
    """The second waits, also while the first builds an index, says so, and then finds nothing to do."""
    lines: list[str] = []
    known = known_with(made(INDEX, COLUMN, BACKFILL))
    await other.execute("set idle_in_transaction_session_timeout = 0; begin")
    await other.execute("update contacts set shard = 1 where external_id = 'c1'")
    looking = await asyncpg.connect(database)
    first = asyncio.create_task(migrate(database, known=known))
    await eventually(_index_state(looking), within=30, what="an index that is not valid yet")
    second = asyncio.create_task(migrate(database, report=lines.append, known=known))
    await eventually(lambda: lines, within=30, what="the second to wait")
    await other.execute("commit")
    assert await first == (PROGRAM, NEXT)
    assert await second == (NEXT, NEXT)
    assert lines == ["another migration of this database is running: waiting for its end"]
    await looking.close()


async def test_a_brief_step_that_fails_leaves_nothing(database: str, other: Connection) -> None:
    """A step is done whole or not at all, and so is what the table of migrations says of it."""
    failing = f"{COLUMN}\nselect 1 / 0"
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(database, known=known_with(made(failing)))
    assert await progress(other) == (0, None, False)
    assert await migrate(database, known=known_with(made(COLUMN))) == (
        PROGRAM,
        NEXT,
    )
