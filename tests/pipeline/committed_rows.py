"""All that a batch commits, as plain values that two databases can be compared by.

Owns what of it counts: not when it was written, not numbers that a rolled back transaction may have used up.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from consumer.domain.record_headers import decode_headers
from tests.pipeline import service

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection

_CONTACT = "(select external_id from contacts c where c.id = contact_id) as contact"
_ACCOUNT = "(select key from accounts a where a.id = account_id) as account"
_DEFINITION = "(select key from definitions d where d.id = definition_id) as definition"
_PROFILE = "(select key from profiles p where p.id = profile_id) as profile"
_GROUP = "(select key from groups g where g.id = group_id) as group_key"
_TABLES = {
    "contacts": f"""select {_ACCOUNT}, external_id, shard, deleted_before,
        (select external_id from contacts s where s.id = c.survivor_id) as survivor from contacts c""",
    "contact_fields": f"select {_CONTACT}, field, value, occurred_at, event_key from contact_fields",
    "joined_fields": f"select {_CONTACT}, field, value, occurred_at, event_key from joined_fields",
    "joins": f"""select {_CONTACT}, (select external_id from contacts c where c.id = into_id) as into, origin,
        occurred_at, event_key from joins""",
    "deletions": f"select {_CONTACT}, occurred_at, event_key from deletions",
    "claims": f"select {_ACCOUNT}, event_key, digest from claims",
    "timeline": f"""select {_CONTACT}, occurred_at, event_key, {_DEFINITION}, edition, verdict, settled, xp_worth,
        credit_number, type, source, event_id, object_id, actor_id, actor_type, data,
        purged_at is not null from timeline""",
    "dedup_keys": f"""select {_CONTACT}, {_DEFINITION}, edition, object_key, count, last_counted_at,
        last_counted_key, last_fixed_at from dedup_keys""",
    "ranks": f"select {_CONTACT}, {_PROFILE}, version, {_GROUP}, points from ranks",
    "announcements": f"""select {_CONTACT}, {_PROFILE}, version, message_version from contact_scores
        where message_version is not null""",
    "counted_definitions": "select key from definitions where counted",
    "lanes": """select topic, partition, next_offset, last_timestamp, last_checksum, stopped, seen, recent_dead
        from lanes""",
    "outbox_heads": "select shard, head from outbox_heads",
    "outbox_positions": "select shard, first_position, kinds, groups from outbox",
}


async def everything(connection: Connection) -> dict[str, Any]:
    """Return the state of a database, for comparing it with another's."""
    found: dict[str, Any] = {
        name: sorted((tuple(row) for row in await connection.fetch(statement)), key=repr)
        for name, statement in _TABLES.items()
    }
    found["tallies"] = await service.tallies(connection)
    found["scores"] = await service.scores(connection)
    score_changed, xp_credited = await service.messages(connection)
    # Of different contacts messages may come in any order; each one's own chain has its version in the id.
    found["score_changed"] = sorted((_timeless(each) for each in score_changed), key=json.dumps)
    found["xp_credited"] = sorted((_timeless(each) for each in xp_credited), key=json.dumps)
    found["dead_letters"] = await dead_letters(connection)
    return found


async def dead_letters(connection: Connection) -> list[tuple[Any, ...]]:
    """Return (topic, partition, offset, timestamp, key, value, headers, reason, account) of each dead letter.

    Fails if one has not exactly one message in the outbox, in the shard of its slice.
    """
    rows = await connection.fetch('select * from dead_letters order by topic, partition, "offset"')
    announced = await connection.fetch("""
        select o.shard, m.facts::bigint as id from outbox o, unnest(o.kinds, o.facts) as m(kind, facts)
        where m.kind = 'dead_letter'""")
    shards = await connection.fetchval("select shards from installation")
    assert sorted((row["shard"], row["id"]) for row in announced) == sorted(
        (row["partition"] % shards, row["id"]) for row in rows
    )
    return [
        (
            *(
                row["topic"],
                row["partition"],
                row["offset"],
                row["record_timestamp"],
                row["key"],
                row["value"],
            ),
            *(decode_headers(row["headers"]), row["reason"], row["account_key"]),
        )
        for row in rows
    ]


def _timeless(message: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in message.items() if name != "time"}
