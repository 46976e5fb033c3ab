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
    insert into dedup_keys (contact_id, definition_id, edition, object_key, count)
    select c.id, d.id, 1, '', 1 + (hashint8(c.id * 31 + d.id) & 1023) / 100
    from contacts c join definitions d on d.key = any($1::text[])
    order by 1, 2"""
_REST = (
    """insert into contact_scores
       select contact_id, profile_id, version, sum(points), array_agg(group_id), array_agg(points), 1
       from (select t.contact_id, w.profile_id, w.version, w.group_id, sum(t.count * w.weight)::bigint as points
             from dedup_keys t join version_weights w using (definition_id)
             group by 1, 2, 3, 4) by_group
       group by 1, 2, 3
       order by 1, 2, 3""",
    """insert into ranks select profile_id, version, group_id, points, contact_id from scores
       order by 1, 2, 3, 4, 5""",
    "update definitions set counted = true where id in (select definition_id from dedup_keys)",
)


async def based(servers: Servers, contacts: int) -> str:
    """Make a database with so many contacts, analysed, and return its name."""
    name = await servers.database()
    connection = await asyncpg.connect(servers.dsn(name))
    try:
        await connection.execute("set synchronous_commit = off; set work_mem = '256MB'")
        await connection.execute(_CONTACTS, contacts)
        await connection.execute(_TALLIES, DEFINITIONS)
        for statement in _REST:
            await connection.execute(statement)
        await connection.execute("vacuum analyze")
    finally:
        await connection.close()
    return name
