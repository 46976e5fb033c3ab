"""Select a page of contacts: the cheaper of two plans, and cursors.

Plans: scan the index of the sort order and check the other filters for each contact; or, if one filter leaves few
contacts, look at those only. Both cost some thousand look-ups at most if filters are spread evenly. How many
members a segment has is not known beforehand: the scan gets a time limit, then all members are selected at once.
Reads only a contact's id and what it is sorted by. `recent_contacts.py` has the order of last events.
"""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import asyncpg

from consumer.scoring.segments.member_sql import Parameters
from consumer.web.api.contacts import recent_contacts
from consumer.web.api.contacts.list_filters import (
    CONDITIONS,
    EVERY_NUMBER,
    ContactFilters,
    ContactQuery,
    ListPosition,
    conditions,
    sparse_selection,
)
from consumer.web.http import cursors
from sql import queries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from consumer.infra.postgres.connection import Connection
    from consumer.web.api.contacts.profile_view import ProfileView

_SQL = queries("contacts")
# Time limit of a scan for members of a segment: enough for tens of thousands of contacts. If it is not enough,
# members are few, or few near the start of the page.
_SCAN_MILLISECONDS = 250


@dataclass(frozen=True, slots=True)
class ListedContacts:
    """The positions of a page, and after which the next one begins; None: this is the last.

    previous: before which the page before this one ends; None: this is the first.
    """

    positions: list[ListPosition]
    next: ListPosition | None
    previous: ListPosition | None = None


def cursor_context(account: int, filters: ContactFilters) -> tuple[object, ...]:
    """Return the context of this list's cursors; it includes every filter."""
    return ("contacts", account, filters)


def position(context: tuple[object, ...], cursor: str | None, view: ProfileView) -> ListPosition | None:
    """Return the position in a cursor; raises ProblemError for one of another list (400) or version (410)."""
    values = cursors.decode(context, cursor)
    if values is None:
        return None
    by, contact_id = view.from_cursor(values)
    return by, contact_id


def cursor_after(context: tuple[object, ...], view: ProfileView, last: ListPosition) -> str:
    """Return the cursor of the page after a position."""
    return cursors.encode(context, view.to_cursor(last))


async def page(
    connection: Connection,
    query: ContactQuery,
    candidates: Sequence[int] | None,
    after: ListPosition | None,
    limit: int,
    *,
    time_limited: bool = True,
) -> ListedContacts:
    """Return at most `limit` contacts after a position. Call it in a transaction.

    query, candidates: see `narrowed`. time_limited: limit the scan for what may be sparse; False for exports.
    """
    if query.sort_group is None:
        found, following = await _recent(
            connection, query, candidates, after, limit + 1, time_limited=time_limited
        )
    else:
        found, following = (
            await _by_points(connection, query, candidates, after, limit + 1, time_limited=time_limited),
            None,
        )
    # A page after a position that has no contacts has those of that position before it.
    previous = (found[0] if found else after) if after else None
    if len(found) > limit:
        return ListedContacts(found[:limit], found[limit - 1], previous)
    return ListedContacts(found, following, previous)


async def page_before(
    connection: Connection,
    query: ContactQuery,
    candidates: Sequence[int] | None,
    before: ListPosition | None,
    limit: int,
) -> ListedContacts:
    """Return the last `limit` contacts before a position, in the order of the list. Call it in a transaction."""
    backwards = replace(query, ascending=not query.ascending)
    found = await page(connection, backwards, candidates, before, limit)
    positions = found.positions[::-1]
    return ListedContacts(positions, positions[-1] if positions else None, found.next)


async def _recent(
    connection: Connection,
    query: ContactQuery,
    candidates: Sequence[int] | None,
    after: ListPosition | None,
    limit: int,
    *,
    time_limited: bool,
) -> tuple[list[ListPosition], ListPosition | None]:
    if candidates is None:
        found, following = await recent_contacts.scan(connection, query, after, limit)
        if following is None or not (query.may_be_sparse and time_limited):
            return found, following
        # Few near the start of the page: one condition's contacts are selected at once.
        parameters = Parameters()
        selection, query = sparse_selection(query, parameters)
        async with local_settings(connection, queries("members")["plan_for_many"]):
            rows = await connection.fetch(selection, *parameters.values)
        candidates = [row["contact_id"] for row in rows]
    return await recent_contacts.among(connection, query, candidates, after, limit), None


async def _by_points(
    connection: Connection,
    query: ContactQuery,
    candidates: Sequence[int] | None,
    after: ListPosition | None,
    limit: int,
    *,
    time_limited: bool,
) -> list[ListPosition]:
    if not query.may_be_sparse or candidates is not None or not time_limited:
        return await _read(connection, *statement(query, candidates, after, limit))
    with suppress(asyncpg.QueryCanceledError):
        async with local_settings(connection, f"set local statement_timeout = {_SCAN_MILLISECONDS}"):
            return await _read(connection, *statement(query, None, after, limit))
    async with local_settings(connection, queries("members")["plan_for_many"]):
        return await _read(connection, *statement(query, None, after, limit, joined=True))


@asynccontextmanager
async def local_settings(connection: Connection, statements: str) -> AsyncIterator[None]:
    """Apply settings inside the block, by a savepoint that is always rolled back: nothing is written in it."""
    savepoint = connection.transaction()
    await savepoint.start()
    try:
        await connection.execute(statements)
        yield
    finally:
        await savepoint.rollback()


async def _read(connection: Connection, text: str, arguments: list[Any]) -> list[ListPosition]:
    return [(row["points"], row["contact_id"]) for row in await connection.fetch(text, *arguments)]


def statement(
    query: ContactQuery,
    candidates: Sequence[int] | None,
    after: ListPosition | None,
    limit: int,
    *,
    joined: bool = False,
) -> tuple[str, list[Any]]:
    """Return the statement of a page by points and its arguments; joined: see `conditions`."""
    (minimum, maximum), (least, most) = query.sort_range, EVERY_NUMBER
    begin, end = ((minimum, least), maximum) if query.ascending else ((maximum, most), minimum)
    arguments: list[Any] = [
        *(query.view.id, query.view.version, query.sort_group, end, *(after or begin), limit),
    ]
    if candidates is not None:
        text = _SQL["among"]
        arguments += [candidates, query.ascending]
    else:
        text = _SQL["walk_ascending" if query.ascending else "walk_descending"]
    parameters = Parameters(len(arguments) + 1)
    text = text.replace(CONDITIONS, conditions(query, parameters, joined=joined))
    return text, arguments + parameters.values
