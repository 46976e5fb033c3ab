"""Pages of lists, and cursors: sealed, and bound to the list and filters that they were made for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

import msgspec
from fastapi import Query
from pydantic import BaseModel, Field

from consumer.web.http import seal
from consumer.web.http.problems import malformed

if TYPE_CHECKING:
    from collections.abc import Callable

Item = TypeVar("Item")

MAX_ITEMS = 200
# Start position of lists by descending number.
NEWEST = 2**63 - 1
MAX_CURSOR = 2_000

Limit = Annotated[int, Query(ge=1, le=MAX_ITEMS, description="Maximum number of items in a page.")]
Cursor = Annotated[
    str | None,
    Query(
        max_length=MAX_CURSOR,
        description="`next` of the previous page; send the same filters and order with it.",
    ),
]


# Lists of configuration: by default a page has all of them, unless the limits of an account were raised.
MAX_CONFIGURED = 1000
ConfigurationLimit = Annotated[
    int, Query(ge=1, le=MAX_CONFIGURED, description="Maximum number of items in a page.")
]


def _describe(schema: dict[str, Any]) -> None:
    # A kind of page has no docstring of its own.
    schema.setdefault("description", "One page of a list.")


class Page(
    BaseModel,
    Generic[Item],
    json_schema_serialization_defaults_required=True,
    json_schema_extra=_describe,
):
    """One page of a list."""

    # Not docstrings: of a generic class Pydantic looks for them in every frame of the stack, once for each kind of
    # page, which is a third of the time that the web process takes to start.
    items: Annotated[list[Item], Field(description="The items, in the order of the list.")]
    next: Annotated[str | None, Field(description="The cursor of the next page; null on the last one.")] = (
        None
    )
    engagement: Annotated[
        bool,
        Field(
            description="Whether the account's engagement module is on; while it is off, nothing here changes."
        ),
    ]


def page(
    rows: list[Item],
    limit: int,
    context: tuple[object, ...],
    position: Callable[[Item], list[Any]],
    *,
    engagement: bool,
) -> Page[Item]:
    """Return a page of at most `limit` rows; the caller reads one row more, which shows that a next page exists.

    context: see `encode`. position: returns the position of an item, after which the next page starts.
    """
    items = rows[:limit]
    next_cursor = encode(context, position(items[-1])) if len(rows) > limit else None
    return Page(items=items, next=next_cursor, engagement=engagement)


def page_of_keys(
    keys: list[str], limit: int, context: tuple[object, ...], cursor: str | None
) -> tuple[list[str], str | None]:
    """Return the keys of a page, of all keys in display order, and the cursor of the next page.

    A key that moves between two pages may be on both or on none; the others are on one. Raises ProblemError (400).
    """
    start = 0
    if position := decode(context, cursor):
        start, last = position
        # Of a last key that is gone, its place, where the one after it is by now.
        start = keys.index(last) + 1 if last in keys else start
    shown = keys[start : start + limit]
    more = len(keys) > start + limit
    return shown, encode(context, [start + limit - 1, shown[-1]]) if more else None


def encode(context: tuple[object, ...], position: list[Any]) -> str:
    """Return a cursor for a position, a list of JSON values.

    context: what the cursor is bound to, and needed to decode it: the list's name, account, filters and order.
    """
    return seal.current().close(msgspec.json.encode(position), _purpose(context))


def decode(context: tuple[object, ...], cursor: str | None) -> list[Any] | None:
    """Return the position in a cursor, or None without a cursor.

    Raises ProblemError (400) unless the cursor was made for this context.
    """
    if cursor is None:
        return None
    payload = seal.current().open(cursor, _purpose(context))
    if payload is None:
        raise malformed("the cursor is not valid for this list and these filters: start again without one")
    position: list[Any] = msgspec.json.decode(payload)
    return position


def _purpose(context: tuple[object, ...]) -> bytes:
    return b"cursor " + repr(context).encode()
