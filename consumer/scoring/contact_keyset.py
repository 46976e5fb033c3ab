"""Keyset pagination over an account's contacts, in the order of their numbers.

Other accounts' contacts lie between, so a step also bounds how many numbers it scans. Takes no locks.
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
    """Return the next contacts, at most `limit`, and the contact number up to which all are now covered.

    row: account_id, last_contact_id, until_contact_id. max_ids: contact numbers scanned at most.
    """
    last_scanned = min(row["until_contact_id"], row["last_contact_id"] + max_ids)
    rows = await connection.fetch(
        queries("publish")["next_contacts"], row["account_id"], row["last_contact_id"], last_scanned, limit
    )
    contacts = [each["id"] for each in rows]
    return contacts, contacts[-1] if len(contacts) == limit else last_scanned
