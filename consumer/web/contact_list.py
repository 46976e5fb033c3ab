"""Which contacts a list shows, in which order: filters, the way that costs least, and cursors.

Owns both ways: along the index of the order, looking each contact up for what else is asked; or, where one of the
filters leaves few, those alone. Either costs some thousand look-ups at most where filters are spread evenly. Never
reads more of a contact than its number and the points that it is sorted by.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Query

from consumer.web import paging
from consumer.web.bodies import Key, Text  # noqa: TC001 - FastAPI reads annotations at run time
from consumer.web.problems import invalid, query_fault
from consumer.web.views import OVERALL, ProfileKey
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.db import Connection
    from consumer.web.views import View

_SQL = queries("contacts")
# Contacts up to which a filter leaves few: looking all of them up takes some milliseconds.
_FEW = 5_000
_MOST = 2**63 - 1

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


def select(shown: View, asked: Filters) -> Selection:
    """Return the filters by number; raises ProblemError (422) where they name what is not there."""
    if asked.least is not None and asked.most is not None and asked.least > asked.most:
        raise invalid(query_fault("max", f"must not be less than min, {asked.least}"))
    ranged = shown.group(asked.group, "group") if asked.group else None
    sort = asked.sort or (f"-score.{asked.group}" if asked.group else "-score")
    _, _, sorted_key = sort.partition(".")
    sorted_by = shown.group(sorted_key, "sort") if sorted_key else OVERALL
    bounds = (-_MOST if asked.least is None else asked.least, _MOST if asked.most is None else asked.most)
    same = ranged in {None, sorted_by}
    return Selection(
        shown=shown,
        ascending=not sort.startswith("-"),
        sorted_by=sorted_by,
        sorted_range=bounds if same else (-_MOST, _MOST),
        other=None if same else ranged,
        other_range=bounds,
        owner=asked.owner,
    )


def context(account: int, asked: Filters) -> tuple[object, ...]:
    """Return what a cursor of this list is good for: whatever filters there are belong here."""
    return ("contacts", account, asked)


def position(asked_context: tuple[object, ...], cursor: str | None, shown: View) -> Position | None:
    """Return where a page begins; raises ProblemError where the cursor is of another list or another version."""
    found = paging.decode(asked_context, cursor)
    if found is None:
        return None
    points, number = shown.of_stamped(found)
    return points, number


def cursor_after(asked_context: tuple[object, ...], shown: View, last: Position) -> str:
    """Return the cursor of the page after a position."""
    return paging.encode(asked_context, shown.stamped(last))


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
) -> list[Position]:
    """Return (points, number) of the contacts after a position, at most so many; among: of `few`."""
    least, most = wanted.sorted_range
    begin, end = ((least, -_MOST), most) if wanted.ascending else ((most, _MOST), least)
    arguments: list[Any] = [
        *(wanted.shown.id, wanted.shown.version, wanted.sorted_by, end, *(after or begin)),
        *(wanted.other, *wanted.other_range, wanted.owner, limit),
    ]
    if among is not None:
        rows = await connection.fetch(_SQL["among"], *arguments, among, wanted.ascending)
    elif wanted.ascending:
        rows = await connection.fetch(_SQL["walk_ascending"], *arguments)
    else:
        rows = await connection.fetch(_SQL["walk_descending"], *arguments)
    return [(row["points"], row["contact_id"]) for row in rows]
