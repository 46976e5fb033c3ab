"""Pages of lists: what a page looks like, and the cursor that leads to the next.

Owns the form of cursors: opaque to whoever calls, bound to the list and the filters that they were made for, and
holding whatever the list needs to go on. Never reads a list.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

import msgspec
from fastapi import Query
from pydantic import BaseModel

from consumer.web.http.problems import malformed

if TYPE_CHECKING:
    from collections.abc import Callable

Item = TypeVar("Item")

MAX_ITEMS = 200
# Where lists by number, the newest first, begin.
NEWEST = 2**63 - 1
_CHECKSUM_BYTES = 6
_MAX_LENGTH = 2_000

Limit = Annotated[int, Query(ge=1, le=MAX_ITEMS, description="How many items a page has at most.")]
Cursor = Annotated[
    str | None,
    Query(max_length=_MAX_LENGTH, description="`next` of the page before; with the same filters and order."),
]


class Page(BaseModel, Generic[Item], use_attribute_docstrings=True):
    """One page of a list."""

    items: list[Item]
    next: str | None = None
    """The cursor of the next page, null on the last one."""
    engagement: bool
    """Whether the account's engagement module is on; off, what is shown stays as it is."""


def page(
    rows: list[Item],
    limit: int,
    context: tuple[object, ...],
    position: Callable[[Item], list[Any]],
    *,
    engagement: bool,
) -> Page[Item]:
    """Return a page of rows, of which one more than `limit` was asked for, to know whether more follows.

    context: of the cursor, see `encode`. position: of an item, from which the next page goes on.
    """
    items = rows[:limit]
    next_cursor = encode(context, position(items[-1])) if len(rows) > limit else None
    return Page(items=items, next=next_cursor, engagement=engagement)


def encode(context: tuple[object, ...], position: list[Any]) -> str:
    """Return the cursor that goes on after a position: JSON values, whatever the list needs.

    context: what the cursor is good for and must be given again to read it: the list's name, the account, filters,
    order.
    """
    payload = msgspec.json.encode(position)
    return base64.urlsafe_b64encode(_checksum(context, payload) + payload).rstrip(b"=").decode()


def decode(context: tuple[object, ...], cursor: str | None) -> list[Any] | None:
    """Return the position of a cursor, None where there is no cursor: the list begins.

    Raises ProblemError (400) for anything but a cursor that was made for this context.
    """
    if cursor is None:
        return None
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    payload = raw[_CHECKSUM_BYTES:]
    if raw[:_CHECKSUM_BYTES] != _checksum(context, payload):
        raise malformed("the cursor is not one of this list with these filters: begin without one")
    position: list[Any] = msgspec.json.decode(payload)
    return position


def _checksum(context: tuple[object, ...], payload: bytes) -> bytes:
    """Return the checksum; not a secret, since a cursor reaches nothing that its list does not show anyway."""
    return hashlib.blake2b(repr(context).encode() + b"\0" + payload, digest_size=_CHECKSUM_BYTES).digest()
