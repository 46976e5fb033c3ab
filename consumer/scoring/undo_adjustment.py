"""Undoes an adjustment: gives the opposite points, once, with a reference to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.infra.postgres.revision_lock import LOOK_UP_BY_KEY, shared_transaction
from consumer.scoring import announce
from consumer.scoring.adjustments import Added, ClientKeyUsedError
from consumer.scoring.stored_adjustments import StoredAdjustment, count
from sql import queries

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection

_SQL = queries("adjustments")


class UnknownAdjustmentError(Exception):
    """The contact has no such adjustment."""


class UndoesAnotherError(Exception):
    """The adjustment undoes another one, and is not undone itself."""


async def undo(
    connection: Connection, account: str, contact: str, number: int, *, author: str, reason: str
) -> Added:
    """Give the opposite points of an adjustment; again, it has no effect, and returns the same number.

    They come by the id by which the adjustment came, so that a split takes both to the same contact. Raises
    UnknownAdjustmentError, UndoesAnotherError, ClientKeyUsedError where a client has taken
    the key `undo:NUMBER`, and asyncpg's errors as `add` does.
    """
    while True:
        async with shared_transaction(connection, LOOK_UP_BY_KEY, accounts=[account]):
            added = await _undo(connection, account, contact, number, author=author, reason=reason)
        if added is not None:
            return added


async def _undo(
    connection: Connection, account: str, contact: str, number: int, *, author: str, reason: str
) -> Added | None:
    """Undo one in the caller's transaction; None: its contact was joined to another or split meanwhile."""
    undone = await connection.fetchrow(_SQL["to_undo"], account, contact, number)
    if undone is None:
        raise UnknownAdjustmentError(f"contact {contact!r} has no adjustment {number}")
    if undone["undoes"] is not None:
        raise UndoesAnotherError(
            "the adjustment undoes another one: give the points again by another adjustment"
        )
    await announce.lock_contacts(connection, [undone["contact_id"]])
    if await connection.fetchrow(_SQL["to_undo"], account, contact, number) != undone:
        return None
    client_key = f"undo:{number}"
    new: int | None = await connection.fetchval(_SQL["add_undo"], number, reason, author, client_key)
    if new is None:
        earlier: int | None = await connection.fetchval(_SQL["find_undo"], number)
        if earlier is None:
            raise ClientKeyUsedError(f"another adjustment of {contact!r} has the client key of this undoing")
        return Added(earlier, is_new=False)
    audited = {
        "profile": undone["profile"],
        "group": undone["group"],
        "points": -undone["points"],
        "reason": reason,
        "client_key": client_key,
        "undoes": number,
    }
    stored = StoredAdjustment(
        contact=undone["contact_id"],
        profile=undone["profile_id"],
        group=undone["group_id"],
        points=-undone["points"],
        named=undone["named"],
        audited=audited,
    )
    await count(connection, account, author, [stored])
    return Added(new, is_new=True)
