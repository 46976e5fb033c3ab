"""Which contacts a list shows, in which order: filters, the way that costs least, and cursors.

Owns both ways: along the index of the order, looking each contact up for what else is asked; or, where one of the
filters leaves few, those alone. Either costs some thousand look-ups at most where filters are spread evenly.
Whether a segment leaves few nobody knows: the walk is given some time, then members are looked for all at once.
Never reads more of a contact than its number and the points that it is sorted by.
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
from consumer.web.http.request_body import Key, Text  # noqa: TC001 - FastAPI reads annotations at run time
from sql import queries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from consumer.infra.postgres.connection import Connection
    from consumer.scoring.segments.repository import ResolvedMatch
    from consumer.web.api.contacts.profile_view import ProfileView

_SQL = queries("contacts")
# Contacts up to which a filter leaves few: looking all of them up takes some milliseconds.
_MAX_CANDIDATES = 5_000
_MAX_POINTS = 2**63 - 1
# How long a walk may look for members of a segment: past tens of thousands of contacts. Where that is not enough,
# members are few, or few where it began.
_WALK_MILLISECONDS = 250
# Where the statements of a list take a further condition.
_IN_SEGMENT = "/* and in the segment */"

ListPosition = tuple[int, int]
Points = Annotated[int, Query(ge=-(2**53), le=2**53)]
Sort = Annotated[
    str | None,
    Query(
        pattern=r"^-?score(\.[a-z][a-z0-9_]{0,63})?$",
        description="`score` overall or `score.GROUP`, from the most down with `-` before it. "
        "Left out: `-score.GROUP` of `group`, or `-score`.",
    ),
]


@dataclass(frozen=True, slots=True)
class ContactFilters:
    """What a list is asked for: which profile, which order, which contacts."""

    profile: ProfileKey = None
    sort: Sort = None
    group: Annotated[
        Key | None,
        Query(description="Only those with something counted in this group; `min`, `max` are of it."),
    ] = None
    minimum: Annotated[
        Points | None, Query(alias="min", description="Of `group`, or else what is sorted by.")
    ] = None
    maximum: Annotated[Points | None, Query(alias="max", description="Both ends are inclusive.")] = None
    owner: Annotated[
        Text | None, Query(description="Only those of this owner, as the contacts' events name it.")
    ] = None
    segment: Annotated[
        Key | None, Query(description="Only those in this segment, whatever profile that is about.")
    ] = None


# What routes name as the type of a parameter.
ContactFilterParams = Annotated[ContactFilters, Depends()]


@dataclass(frozen=True, slots=True)
class ContactQuery:
    """Filters by number. sorted_by, other: groups; other: None, or the one in whose range contacts must be too."""

    view: ProfileView
    ascending: bool
    sorted_by: int
    sorted_range: tuple[int, int]
    other: int | None
    other_range: tuple[int, int]
    owner: str | None
    segment: ResolvedMatch | None


async def build_query(
    connection: Connection, account: int, view: ProfileView, filters: ContactFilters
) -> ContactQuery:
    """Return the filters by number; raises ProblemError (422) where they name what is not there."""
    if filters.minimum is not None and filters.maximum is not None and filters.minimum > filters.maximum:
        raise invalid(query_fault("max", f"must not be less than min, {filters.minimum}"))
    ranged = view.group_id(filters.group, "group") if filters.group else None
    sort = filters.sort or (f"-score.{filters.group}" if filters.group else "-score")
    _, _, sorted_key = sort.partition(".")
    sorted_by = view.group_id(sorted_key, "sort") if sorted_key else OVERALL
    bounds = (
        -_MAX_POINTS if filters.minimum is None else filters.minimum,
        _MAX_POINTS if filters.maximum is None else filters.maximum,
    )
    same = ranged in {None, sorted_by}
    sorted_range = bounds if same else (-_MAX_POINTS, _MAX_POINTS)
    segment = None if filters.segment is None else await _segment(connection, account, filters.segment)
    if segment is not None:
        # A walk need not go through those whose points alone keep them out.
        inside = member_sql.score_bounds(segment.match, segment.given, profile=view.id, group=sorted_by)
        sorted_range = (max(sorted_range[0], inside[0]), min(sorted_range[1], inside[1]))
    return ContactQuery(
        view=view,
        ascending=not sort.startswith("-"),
        sorted_by=sorted_by,
        sorted_range=sorted_range,
        other=None if same else ranged,
        other_range=bounds,
        owner=filters.owner,
        segment=segment,
    )


async def _segment(connection: Connection, account: int, key: str) -> ResolvedMatch:
    found = await repository.read_segment(connection, account, key)
    if found is None:
        raise invalid(query_fault("segment", f"there is no segment {key}"))
    return await repository.resolve_match(connection, account, found.segment, SystemClock().now())


def cursor_context(account: int, filters: ContactFilters) -> tuple[object, ...]:
    """Return what a cursor of this list is good for: whatever filters there are belong here."""
    return ("contacts", account, filters)


def position(
    cursor_context: tuple[object, ...], cursor: str | None, view: ProfileView
) -> ListPosition | None:
    """Return where a page begins; raises ProblemError where the cursor is of another list or another version."""
    found = cursors.decode(cursor_context, cursor)
    if found is None:
        return None
    points, number = view.from_cursor(found)
    return points, number


def cursor_after(cursor_context: tuple[object, ...], view: ProfileView, last: ListPosition) -> str:
    """Return the cursor of the page after a position."""
    return cursors.encode(cursor_context, view.to_cursor(last))


async def small_candidate_set(connection: Connection, account: int, query: ContactQuery) -> list[int] | None:
    """Return the contacts that one of the filters leaves, by number, if these are few; None where none does."""
    if query.owner is not None:
        owned = await connection.fetch(_SQL["owned"], account, query.owner, _MAX_CANDIDATES + 1)
        if len(owned) <= _MAX_CANDIDATES:
            return [row["contact_id"] for row in owned]
    if query.other is not None:
        ranged = await connection.fetch(
            _SQL["ranged"],
            query.view.id,
            query.view.version,
            query.other,
            *query.other_range,
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
    """Return (points, number) of at most `limit` contacts after a position; candidates: of `small_candidate_set`.

    time_limited: a page is waited for, and not a whole list. In a transaction.
    """
    if query.segment is None or candidates is not None or not time_limited:
        return await _page(connection, query, candidates, after, limit)
    with suppress(asyncpg.QueryCanceledError):
        async with _local_settings(connection, f"set local statement_timeout = {_WALK_MILLISECONDS}"):
            return await _page(connection, query, None, after, limit)
    async with _local_settings(connection, queries("members")["plan_for_many"]):
        return await _page(connection, query, None, after, limit, collect_members=True)


@asynccontextmanager
async def _local_settings(connection: Connection, statements: str) -> AsyncIterator[None]:
    """Let settings hold inside, by a savepoint that is rolled back whatever happens: nothing is written here."""
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
    """Return the statement of a page and its arguments; collect_members: select a segment's members all at once."""
    minimum, maximum = query.sorted_range
    begin, end = ((minimum, -_MAX_POINTS), maximum) if query.ascending else ((maximum, _MAX_POINTS), minimum)
    arguments: list[Any] = [
        *(query.view.id, query.view.version, query.sorted_by, end, *(after or begin)),
        *(query.other, *query.other_range, query.owner, limit),
    ]
    if candidates is not None:
        text = _SQL["among"]
        arguments += [candidates, query.ascending]
    else:
        text = _SQL["walk_ascending" if query.ascending else "walk_descending"]
    if query.segment is None:
        return text, arguments
    match, given = query.segment.match, query.segment.given
    parameters = member_sql.Parameters(len(arguments) + 1)
    if collect_members:
        member = f"s.contact_id = any(array({member_sql.member_selection(match, given, parameters)}))"
    else:
        member = member_sql.member_condition(match, given, parameters, contact="s.contact_id")
    return text.replace(_IN_SEGMENT, f"and {member}"), arguments + parameters.values
