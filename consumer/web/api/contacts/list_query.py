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
    from consumer.scoring.segments.repository import Asking
    from consumer.web.api.contacts.profile_view import View

_SQL = queries("contacts")
# Contacts up to which a filter leaves few: looking all of them up takes some milliseconds.
_FEW = 5_000
_MOST = 2**63 - 1
# How long a walk may look for members of a segment: past tens of thousands of contacts. Where that is not enough,
# members are few, or few where it began.
_WALK_MILLISECONDS = 250
# Where the statements of a list take a further condition.
_IN_SEGMENT = "/* and in the segment */"

Position = tuple[int, int]
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
class Filters:
    """What a list is asked for: which profile, which order, which contacts."""

    profile: ProfileKey = None
    sort: Sort = None
    group: Annotated[
        Key | None,
        Query(description="Only those with something counted in this group; `min`, `max` are of it."),
    ] = None
    least: Annotated[
        Points | None, Query(alias="min", description="Of `group`, or else what is sorted by.")
    ] = None
    most: Annotated[Points | None, Query(alias="max", description="Both ends are inclusive.")] = None
    owner: Annotated[
        Text | None, Query(description="Only those of this owner, as the contacts' events name it.")
    ] = None
    segment: Annotated[
        Key | None, Query(description="Only those in this segment, whatever profile that is about.")
    ] = None


# What routes name as the type of a parameter.
Asked = Annotated[Filters, Depends()]


@dataclass(frozen=True, slots=True)
class Selection:
    """Filters by number. sorted_by, other: groups; other: None, or the one in whose range contacts must be too."""

    shown: View
    ascending: bool
    sorted_by: int
    sorted_range: tuple[int, int]
    other: int | None
    other_range: tuple[int, int]
    owner: str | None
    segment: Asking | None


async def select(connection: Connection, account: int, shown: View, asked: Filters) -> Selection:
    """Return the filters by number; raises ProblemError (422) where they name what is not there."""
    if asked.least is not None and asked.most is not None and asked.least > asked.most:
        raise invalid(query_fault("max", f"must not be less than min, {asked.least}"))
    ranged = shown.group(asked.group, "group") if asked.group else None
    sort = asked.sort or (f"-score.{asked.group}" if asked.group else "-score")
    _, _, sorted_key = sort.partition(".")
    sorted_by = shown.group(sorted_key, "sort") if sorted_key else OVERALL
    bounds = (-_MOST if asked.least is None else asked.least, _MOST if asked.most is None else asked.most)
    same = ranged in {None, sorted_by}
    sorted_range = bounds if same else (-_MOST, _MOST)
    segment = None if asked.segment is None else await _segment(connection, account, asked.segment)
    if segment is not None:
        # A walk need not go through those whose points alone keep them out.
        inside = member_sql.bounds(segment.match, segment.given, profile=shown.id, group=sorted_by)
        sorted_range = (max(sorted_range[0], inside[0]), min(sorted_range[1], inside[1]))
    return Selection(
        shown=shown,
        ascending=not sort.startswith("-"),
        sorted_by=sorted_by,
        sorted_range=sorted_range,
        other=None if same else ranged,
        other_range=bounds,
        owner=asked.owner,
        segment=segment,
    )


async def _segment(connection: Connection, account: int, key: str) -> Asking:
    found = await repository.read_one(connection, account, key)
    if found is None:
        raise invalid(query_fault("segment", f"there is no segment {key}"))
    return await repository.asking(connection, account, found.segment, SystemClock().now())


def context(account: int, asked: Filters) -> tuple[object, ...]:
    """Return what a cursor of this list is good for: whatever filters there are belong here."""
    return ("contacts", account, asked)


def position(asked_context: tuple[object, ...], cursor: str | None, shown: View) -> Position | None:
    """Return where a page begins; raises ProblemError where the cursor is of another list or another version."""
    found = cursors.decode(asked_context, cursor)
    if found is None:
        return None
    points, number = shown.of_stamped(found)
    return points, number


def cursor_after(asked_context: tuple[object, ...], shown: View, last: Position) -> str:
    """Return the cursor of the page after a position."""
    return cursors.encode(asked_context, shown.stamped(last))


async def few(connection: Connection, account: int, wanted: Selection) -> list[int] | None:
    """Return the contacts that one of the filters leaves, by number, if these are few; None where none does."""
    if wanted.owner is not None:
        owned = await connection.fetch(_SQL["owned"], account, wanted.owner, _FEW + 1)
        if len(owned) <= _FEW:
            return [row["contact_id"] for row in owned]
    if wanted.other is not None:
        ranged = await connection.fetch(
            _SQL["ranged"], wanted.shown.id, wanted.shown.version, wanted.other, *wanted.other_range, _FEW + 1
        )
        if len(ranged) <= _FEW:
            return [row["contact_id"] for row in ranged]
    return None


async def page(
    connection: Connection,
    wanted: Selection,
    among: Sequence[int] | None,
    after: Position | None,
    limit: int,
    *,
    hurried: bool = True,
) -> list[Position]:
    """Return (points, number) of the contacts after a position, at most so many; among: of `few`.

    hurried: a page is waited for, and not a whole list. In a transaction.
    """
    if wanted.segment is None or among is not None or not hurried:
        return await _page(connection, wanted, among, after, limit)
    with suppress(asyncpg.QueryCanceledError):
        async with _settings(connection, f"set local statement_timeout = {_WALK_MILLISECONDS}"):
            return await _page(connection, wanted, None, after, limit)
    async with _settings(connection, queries("members")["plan_for_many"]):
        return await _page(connection, wanted, None, after, limit, gather=True)


@asynccontextmanager
async def _settings(connection: Connection, statements: str) -> AsyncIterator[None]:
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
    wanted: Selection,
    among: Sequence[int] | None,
    after: Position | None,
    limit: int,
    *,
    gather: bool = False,
) -> list[Position]:
    text, arguments = statement(wanted, among, after, limit, gather=gather)
    rows = await connection.fetch(text, *arguments)
    return [(row["points"], row["contact_id"]) for row in rows]


def statement(
    wanted: Selection,
    among: Sequence[int] | None,
    after: Position | None,
    limit: int,
    *,
    gather: bool = False,
) -> tuple[str, list[Any]]:
    """Return the statement of a page and its arguments; gather: select a segment's members all at once."""
    least, most = wanted.sorted_range
    begin, end = ((least, -_MOST), most) if wanted.ascending else ((most, _MOST), least)
    arguments: list[Any] = [
        *(wanted.shown.id, wanted.shown.version, wanted.sorted_by, end, *(after or begin)),
        *(wanted.other, *wanted.other_range, wanted.owner, limit),
    ]
    if among is not None:
        text = _SQL["among"]
        arguments += [among, wanted.ascending]
    else:
        text = _SQL["walk_ascending" if wanted.ascending else "walk_descending"]
    if wanted.segment is None:
        return text, arguments
    match, given = wanted.segment.match, wanted.segment.given
    parameters = member_sql.Parameters(len(arguments) + 1)
    if gather:
        member = f"s.contact_id = any(array({member_sql.everybody(match, given, parameters)}))"
    else:
        member = member_sql.one(match, given, parameters, contact="s.contact_id")
    return text.replace(_IN_SEGMENT, f"and {member}"), arguments + parameters.values
