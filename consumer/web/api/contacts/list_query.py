"""Select the contacts of a list: filters, the cheaper of two plans, and cursors.

Plans: scan the index of the sort order and check the other filters for each contact; or, if one filter leaves few
contacts, look at those only. Both cost some thousand look-ups at most if filters are spread evenly. How many
members a segment has is not known beforehand: the scan gets a time limit, then all members are selected at once.
Reads only a contact's id and the points that it is sorted by.
"""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import asyncpg
from fastapi import Depends, Query

from consumer.infra.clock import SystemClock
from consumer.scoring.segments import member_sql, repository
from consumer.web.api.contacts.profile_view import OVERALL, ProfileKey
from consumer.web.http import cursors
from consumer.web.http.problems import invalid, query_fault
from consumer.web.http.request_types import Key, Text  # noqa: TC001 - FastAPI reads annotations at run time
from sql import queries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from consumer.infra.postgres.connection import Connection
    from consumer.scoring.segments.repository import ResolvedMatch
    from consumer.web.api.contacts.profile_view import ProfileView

_SQL = queries("contacts")
# A filter that leaves at most so many contacts is evaluated first: looking all of them up takes some milliseconds.
_MAX_CANDIDATES = 5_000
_MAX_BIGINT = 2**63 - 1
# Time limit of a scan for members of a segment: enough for tens of thousands of contacts. If it is not enough,
# members are few, or few near the start of the page.
_SCAN_MILLISECONDS = 250
# Placeholder in the statements of a list for the segment's condition.
_IN_SEGMENT = "/* and in the segment */"

ListPosition = tuple[int, int]
Points = Annotated[int, Query(ge=-(2**53), le=2**53)]
Sort = Annotated[
    str | None,
    Query(
        pattern=r"^-?score(\.[a-z][a-z0-9_]{0,63})?$",
        description="`score` (overall) or `score.GROUP`, ascending; with a leading `-` descending. "
        "Default: `-score.GROUP` for the `group` filter, or else `-score`.",
    ),
]


@dataclass(frozen=True, slots=True)
class ContactFilters:
    """Query parameters of a list: profile, order, filters."""

    profile: ProfileKey = None
    sort: Sort = None
    group: Annotated[
        Key | None,
        Query(
            description="Only contacts with something counted or adjusted in this group; `min`, `max` refer to it."
        ),
    ] = None
    minimum: Annotated[
        Points | None,
        Query(alias="min", description="Least points, inclusive, in `group` or else in the sort field."),
    ] = None
    maximum: Annotated[Points | None, Query(alias="max", description="Most points, inclusive.")] = None
    owner: Annotated[
        Text | None, Query(description="Only contacts of this owner, as in `contact.upserted`.")
    ] = None
    segment: Annotated[
        Key | None, Query(description="Only members of this segment, whichever profile it refers to.")
    ] = None


# Type of the parameter by which a route gets them.
ContactFilterParams = Annotated[ContactFilters, Depends()]


@dataclass(frozen=True, slots=True)
class ContactQuery:
    """Filters by id. filter_group: a group other than the sort group, with a range of its own; or None."""

    view: ProfileView
    ascending: bool
    sort_group: int
    sort_range: tuple[int, int]
    filter_group: int | None
    filter_range: tuple[int, int]
    owner: str | None
    segment: ResolvedMatch | None


async def build_query(
    connection: Connection, account: int, view: ProfileView, filters: ContactFilters
) -> ContactQuery:
    """Resolve keys in the filters to ids; raises ProblemError (422) for unknown ones."""
    if filters.minimum is not None and filters.maximum is not None and filters.minimum > filters.maximum:
        raise invalid(query_fault("max", f"must not be less than min, {filters.minimum}"))
    ranged = view.group_id(filters.group, "group") if filters.group else None
    sort = filters.sort or (f"-score.{filters.group}" if filters.group else "-score")
    _, _, sorted_key = sort.partition(".")
    sort_group = view.group_id(sorted_key, "sort") if sorted_key else OVERALL
    bounds = (
        -_MAX_BIGINT if filters.minimum is None else filters.minimum,
        _MAX_BIGINT if filters.maximum is None else filters.maximum,
    )
    same = ranged in {None, sort_group}
    sort_range = bounds if same else (-_MAX_BIGINT, _MAX_BIGINT)
    segment = (
        None if filters.segment is None else await _resolve_segment(connection, account, filters.segment)
    )
    if segment is not None:
        # The scan can skip contacts that their points alone exclude from the segment.
        member_bounds = member_sql.score_bounds(
            segment.match, segment.context, profile=view.id, group=sort_group
        )
        sort_range = (max(sort_range[0], member_bounds[0]), min(sort_range[1], member_bounds[1]))
    return ContactQuery(
        view=view,
        ascending=not sort.startswith("-"),
        sort_group=sort_group,
        sort_range=sort_range,
        filter_group=None if same else ranged,
        filter_range=bounds,
        owner=filters.owner,
        segment=segment,
    )


async def _resolve_segment(connection: Connection, account: int, key: str) -> ResolvedMatch:
    stored = await repository.read_segment(connection, account, key)
    if stored is None:
        raise invalid(query_fault("segment", f"there is no segment {key}"))
    return await repository.resolve_match(connection, account, stored.segment, SystemClock().now())


def cursor_context(account: int, filters: ContactFilters) -> tuple[object, ...]:
    """Return the context of this list's cursors; it includes every filter."""
    return ("contacts", account, filters)


def position(context: tuple[object, ...], cursor: str | None, view: ProfileView) -> ListPosition | None:
    """Return the position in a cursor; raises ProblemError for one of another list (400) or version (410)."""
    values = cursors.decode(context, cursor)
    if values is None:
        return None
    points, contact_id = view.from_cursor(values)
    return points, contact_id


def cursor_after(context: tuple[object, ...], view: ProfileView, last: ListPosition) -> str:
    """Return the cursor of the page after a position."""
    return cursors.encode(context, view.to_cursor(last))


async def small_candidate_set(connection: Connection, account: int, query: ContactQuery) -> list[int] | None:
    """Return the ids of the contacts that one filter leaves, if they are few; None if no filter leaves few."""
    if query.owner is not None:
        owned = await connection.fetch(_SQL["owned"], account, query.owner, _MAX_CANDIDATES + 1)
        if len(owned) <= _MAX_CANDIDATES:
            return [row["contact_id"] for row in owned]
    if query.filter_group is not None:
        ranged = await connection.fetch(
            _SQL["ranged"],
            query.view.id,
            query.view.version,
            query.filter_group,
            *query.filter_range,
            _MAX_CANDIDATES + 1,
        )
        if len(ranged) <= _MAX_CANDIDATES:
            return [row["contact_id"] for row in ranged]
    return None


async def page(
    connection: Connection,
    query: ContactQuery,
    candidates: Sequence[int] | None,
    after: ListPosition | None,
    limit: int,
    *,
    time_limited: bool = True,
) -> list[ListPosition]:
    """Return (points, contact id) of at most `limit` contacts after a position. Call it in a transaction.

    candidates: see `small_candidate_set`. time_limited: limit the scan for segment members; False for exports.
    """
    if query.segment is None or candidates is not None or not time_limited:
        return await _page(connection, query, candidates, after, limit)
    with suppress(asyncpg.QueryCanceledError):
        async with _local_settings(connection, f"set local statement_timeout = {_SCAN_MILLISECONDS}"):
            return await _page(connection, query, None, after, limit)
    async with _local_settings(connection, queries("members")["plan_for_many"]):
        return await _page(connection, query, None, after, limit, collect_members=True)


@asynccontextmanager
async def _local_settings(connection: Connection, statements: str) -> AsyncIterator[None]:
    """Apply settings inside the block, by a savepoint that is always rolled back: nothing is written in it."""
    savepoint = connection.transaction()
    await savepoint.start()
    try:
        await connection.execute(statements)
        yield
    finally:
        await savepoint.rollback()


async def _page(
    connection: Connection,
    query: ContactQuery,
    candidates: Sequence[int] | None,
    after: ListPosition | None,
    limit: int,
    *,
    collect_members: bool = False,
) -> list[ListPosition]:
    text, arguments = statement(query, candidates, after, limit, collect_members=collect_members)
    rows = await connection.fetch(text, *arguments)
    return [(row["points"], row["contact_id"]) for row in rows]


def statement(
    query: ContactQuery,
    candidates: Sequence[int] | None,
    after: ListPosition | None,
    limit: int,
    *,
    collect_members: bool = False,
) -> tuple[str, list[Any]]:
    """Return the statement of a page and its arguments; collect_members: select all segment members at once."""
    minimum, maximum = query.sort_range
    begin, end = ((minimum, -_MAX_BIGINT), maximum) if query.ascending else ((maximum, _MAX_BIGINT), minimum)
    arguments: list[Any] = [
        *(query.view.id, query.view.version, query.sort_group, end, *(after or begin)),
        *(query.filter_group, *query.filter_range, query.owner, limit),
    ]
    if candidates is not None:
        text = _SQL["among"]
        arguments += [candidates, query.ascending]
    else:
        text = _SQL["walk_ascending" if query.ascending else "walk_descending"]
    if query.segment is None:
        return text, arguments
    match, context = query.segment.match, query.segment.context
    parameters = member_sql.Parameters(len(arguments) + 1)
    if collect_members:
        member = f"s.contact_id = any(array({member_sql.member_selection(match, context, parameters)}))"
    else:
        member = member_sql.member_condition(match, context, parameters, contact="s.contact_id")
    return text.replace(_IN_SEGMENT, f"and {member}"), arguments + parameters.values
