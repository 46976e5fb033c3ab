"""Contacts in the order of their last events, which no table has: the timeline is scanned by time.

An entry stands for its contact if the contact has none after it. Hence nothing is kept that joins, deletions,
purges and late events would have to change. A scan ends after some thousand entries, wherever it is then.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from consumer.scoring.segments.member_sql import Parameters
from consumer.web.api.contacts.list_filters import CONDITIONS, ContactQuery, ListPosition, conditions
from consumer.web.http.timestamps import FIRST, LAST
from schemas.timestamps import EPOCH, instant
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from consumer.infra.postgres.connection import Connection

_SQL = queries("contacts")
# How many entries a request looks at, one step after another until its page is full.
_STEPS = (256, 1_024, 4_096)
# Steps of fewer entries for each contact of the page are left out.
_ENTRIES_FOR_EACH = 4
# In their statement.
_ENTRIES = " 256"
_MICROSECOND = timedelta(microseconds=1)


async def scan(
    connection: Connection, query: ContactQuery, after: ListPosition | None, limit: int
) -> tuple[list[ListPosition], ListPosition | None]:
    """Return at most `limit` contacts after a position, and where the scan has ended before it found so many.

    The latter is None if it has found them, or has come to the end of the timeline.
    """
    found: list[ListPosition] = []
    for entries in [step for step in _STEPS if step >= _ENTRIES_FOR_EACH * limit] or _STEPS[-1:]:
        text, arguments = statement(query, after, entries)
        rows = await connection.fetch(text, *arguments)
        found += [_position(row) for row in rows if row["is_contact"]]
        if len(found) >= limit:
            return found[:limit], None
        after = next((_position(row) for row in rows if not row["is_contact"]), None)
        if after is None:
            break
    return found, after


def statement(query: ContactQuery, after: ListPosition | None, entries: int) -> tuple[str, list[Any]]:
    """Return the statement that scans so many entries after a position, and its arguments."""
    arguments = [query.account, *_values(query, after)]
    parameters = Parameters(len(arguments) + 1)
    text = _SQL["recent_ascending" if query.ascending else "recent_descending"]
    text = text.replace(_ENTRIES, f" {entries}")
    return text.replace(CONDITIONS, conditions(query, parameters)), arguments + parameters.values


async def among(
    connection: Connection,
    query: ContactQuery,
    candidates: Sequence[int],
    after: ListPosition | None,
    limit: int,
) -> list[ListPosition]:
    """Return at most `limit` of these contacts after a position."""
    arguments = [query.account, *_values(query, after), candidates, query.ascending, limit]
    parameters = Parameters(len(arguments) + 1)
    text = _SQL["recent_among"].replace(CONDITIONS, conditions(query, parameters))
    return [_position(row) for row in await connection.fetch(text, *arguments, *parameters.values)]


def _values(query: ContactQuery, after: ListPosition | None) -> tuple[datetime, int]:
    """Return a position as in the database; None: before the first contact."""
    if after is None:
        return (FIRST if query.ascending else LAST), 0
    microseconds, contact_id = after
    return instant(microseconds), contact_id


def _position(row: Any) -> ListPosition:
    return (row["occurred_at"] - EPOCH) // _MICROSECOND, row["contact_id"]
