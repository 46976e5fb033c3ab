"""An account with a million contacts that have been scored for years: tallies, scores and what was told of them.

Owns writing it in SQL, by the shortest way. Nothing of it is on the timeline: publishing reads none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg

if TYPE_CHECKING:
    from bench.servers import Servers

# Five definitions of three groups; the traffic's contacts are the first hundred thousand.
DEFINITIONS = ("reply", "opened", "clicked", "stage", "paid")
_CONTACTS = """
    insert into contacts (account_id, external_id, shard)
    select a.id, 'contact-' || n, n % 4 from accounts a, generate_series(0, $1::int - 1) n"""
_TALLIES = """
    insert into tallies (contact_id, definition_id, edition, count)
    select c.id, d.id, 1, 1 + (hashint8(c.id * 31 + d.id) & 1023) / 100
    from contacts c join definitions d on d.key = any($1::text[])
    order by 1, 2"""
_REST = (
    """insert into scores (contact_id, profile_id, version, group_id, points, message_version)
       select t.contact_id, w.profile_id, w.version, case when grouping(w.group_id) = 0 then w.group_id else 0 end,
           sum(t.count * w.weight), case when grouping(w.group_id) = 1 then 1 end
       from tallies t join version_weights w using (definition_id)
       group by grouping sets ((1, 2, 3, w.group_id), (1, 2, 3))
       order by 1, 2, 3, 4""",
    "update definitions set counted = true where id in (select definition_id from tallies)",
)


async def based(servers: Servers, contacts: int) -> str:
    """Make a database with so many contacts, analysed, and return its name."""
    name = await servers.database()
    connection = await asyncpg.connect(servers.dsn(name))
    try:
        await connection.execute("set synchronous_commit = off; set work_mem = '256MB'")
        await connection.execute(_CONTACTS, contacts)
        await connection.execute(_TALLIES, DEFINITIONS)
        # Made at once, not row by row: half of the time.
        sorts = await connection.fetchval(
            "select indexdef from pg_indexes where indexname = 'scores_by_points'"
        )
        await connection.execute("drop index scores_by_points")
        for statement in _REST:
            await connection.execute(statement)
        await connection.execute(sorts)
        await connection.execute("vacuum analyze")
    finally:
        await connection.close()
    return name
