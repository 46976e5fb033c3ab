"""Keyset pagination over an account's contacts, in the order of their numbers, and counting them.

The cost is that of the contacts returned or counted: other accounts' contacts cost nothing. Takes no locks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.infra.postgres.connection import fetch_one
from sql import queries

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection

_SQL = queries("contact_keyset")
# Contacts counted by one statement, in some hundredths of a second: an account may have tens of millions of them.
_COUNTED_AT_ONCE = 100_000
# Above every contact's number.
LAST = 2**63 - 1


async def next_contacts(
    connection: Connection, account_id: int, *, after: int, until: int = LAST, limit: int
) -> tuple[list[int], int]:
    """Return the account's next contacts, at most `limit`, and the contact number up to which all are now covered.

    after: the number up to which they were covered before. until: the last number to cover.
    """
    rows = await connection.fetch(_SQL["next_contacts"], account_id, after, until, limit)
    contacts = [row["id"] for row in rows]
    return contacts, contacts[-1] if len(contacts) == limit else until


async def count_next(
    connection: Connection, account_id: int, *, after: int, until: int = LAST
) -> tuple[int, int]:
    """Return how many contacts were counted, 100,000 at most, and the contact number up to which all are."""
    row = await fetch_one(connection, _SQL["count_contacts"], account_id, after, until, _COUNTED_AT_ONCE)
    return row["contacts"], row["last_id"] if row["contacts"] == _COUNTED_AT_ONCE else until


async def count_all(connection: Connection, account_id: int) -> int:
    """Return how many contacts the account has, by as many statements as it takes."""
    contacts = covered = 0
    while covered < LAST:
        more, covered = await count_next(connection, account_id, after=covered)
        contacts += more
    return contacts
