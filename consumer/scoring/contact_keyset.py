"""Going through an account's contacts in the order of their numbers, some at a time.

Owns which come next, and how far a step has looked: other accounts' contacts lie between. Never locks them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sql import queries

if TYPE_CHECKING:
    import asyncpg

    from consumer.infra.postgres.connection import Connection


async def next_contacts(
    connection: Connection, row: asyncpg.Record, *, limit: int, max_ids: int
) -> tuple[list[int], int]:
    """Return the next contacts, at most so many, and the number up to which there are no others.

    row: account_id, last_contact_id, until_contact_id. numbers: looked at in one step at most.
    """
    reach = min(row["until_contact_id"], row["last_contact_id"] + max_ids)
    rows = await connection.fetch(
        queries("publish")["next_contacts"], row["account_id"], row["last_contact_id"], reach, limit
    )
    contacts = [each["id"] for each in rows]
    return contacts, contacts[-1] if len(contacts) == limit else reach
