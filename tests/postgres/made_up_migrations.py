"""Made-up migrations: what an additive version of the schema, and one that takes the old away, look like."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from consumer.infra.postgres.migration_script import Migration, migrations, parse
from consumer.infra.postgres.schema_version import PROGRAM

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection

# The oldest program that may run on this program's schema.
OLDEST = migrations()[-1].oldest_program
# The version that they lead to.
NEXT = PROGRAM + 1

COLUMN = "-- step: brief\nalter table contacts add column nickname text;"
INDEX = "-- step: index\ncreate index concurrently contacts_by_shard on contacts (shard, id);"
BACKFILL = """
    -- step: batches
    with chunk as (select id from contacts where id > $1 order by id limit $2::integer),
    filled as (update contacts c set nickname = c.external_id from chunk where c.id = chunk.id)
    select max(id), (select max(id) from contacts) from chunk
"""
CONTACTS = 3000


def script(*steps: str, oldest: int = OLDEST) -> str:
    """Return the file of a migration of these steps."""
    return f"-- oldest program: {oldest}\n\n" + "\n\n".join(map(textwrap.dedent, steps))


def made(*steps: str, number: int = NEXT, oldest: int = OLDEST) -> Migration:
    """Return a migration of these steps."""
    return parse(f"{number:04}_test.sql", script(*steps, oldest=oldest))


def known_with(*more: Migration) -> list[Migration]:
    """Return the migrations of the program and these."""
    return [*migrations(), *more]


async def fill_contacts(connection: Connection) -> None:
    """Store an account and its contacts."""
    await connection.execute("insert into accounts (key, name) values ('acme', 'Acme')")
    await connection.execute(
        """insert into contacts (account_id, external_id, shard)
        select id, 'c' || n, 0 from accounts, generate_series(1, $1::integer) n""",
        CONTACTS,
    )


async def progress(connection: Connection) -> tuple[Any, ...] | None:
    """Return steps, position and end of the migration that follows; None before it has begun."""
    row = await connection.fetchrow(
        "select steps, position, finished_at is not null as finished from migrations where number = $1", NEXT
    )
    return None if row is None else tuple(row)
