"""A database that has been in use: millions of timeline rows, and what hangs on them.

Owns writing it in SQL, by the shortest way. Its contacts are those of the traffic, its events are older.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg

from bench.traffic import CONTACTS
from consumer.ingest import timeline_partitions

if TYPE_CHECKING:
    from bench.servers import Servers

# Two entries of each contact by definition and so on, spread over the half year before the traffic.
_CONTACTS = """
    insert into contacts (account_id, external_id, shard)
    select a.id, 'contact-' || n, n % 4 from accounts a, generate_series(0, $1::int - 1) n"""
_TIMELINE = """
    insert into timeline (account_id, contact_id, occurred_at, event_key, definition_id, edition, verdict, settled,
                          xp_worth, credit_number, type, source, event_id, object_id, actor_id, actor_type, data,
                          recorded_at)
    select c.account_id, c.id, now() - interval '10 days' - n * interval '7 seconds',
        decode(md5(n::text), 'hex'), d.id, 1, 'counted', false, 0, 0, 'email.clicked', '/stored', n::text, null,
        null, null, '{"channel": "whatsapp", "amount": 17, "note": "as the service that published it saw it"}',
        now()
    from generate_series(1, $1::int) n
    join contacts c on c.external_id = 'contact-' || (n * 7919::bigint % $2::int)
    join definitions d on d.key = 'clicked'"""
_REST = (
    """insert into claims (account_id, event_key, digest, applied_at)
       select account_id, event_key, 0, recorded_at from timeline""",
    """insert into dedup_keys (contact_id, definition_id, edition, object_key, count)
       select contact_id, definition_id, edition, '', count(*) from timeline group by 1, 2, 3""",
    """insert into contact_scores
       select t.contact_id, w.profile_id, w.version, t.count * w.weight, array[w.group_id],
           array[(t.count * w.weight)::bigint], 1
       from dedup_keys t join version_weights w using (definition_id)""",
    "insert into ranks select profile_id, version, group_id, points, contact_id from scores",
    "update definitions set counted = true where key = 'clicked'",
)


async def filled(servers: Servers, rows: int) -> str:
    """Make a database with so many timeline rows, in order and analysed, and return its name."""
    name = await servers.database()
    connection = await asyncpg.connect(servers.dsn(name))
    try:
        await connection.execute("set synchronous_commit = off")
        await connection.execute(_CONTACTS, CONTACTS)
        reach = await connection.fetch(
            """select distinct extract(year from t)::int as year, extract(month from t)::int as month
               from generate_series(now() - interval '10 days' - $1::int * interval '7 seconds', now(),
                                    interval '1 day') t""",
            rows,
        )
        await timeline_partitions.create(connection, {(row["year"], row["month"]) for row in reach})
        await connection.execute(_TIMELINE, rows, CONTACTS)
        for statement in _REST:
            await connection.execute(statement)
        await connection.execute("vacuum analyze")
    finally:
        await connection.close()
    return name
