"""Points that people give or take: kept, folded into scores and told of in one transaction.

Owns its order, which is a batch's (revision, contact, outbox heads), and that a client may send again what it does
not know to have arrived. Never decides who may.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer import announcing
from consumer.db import REVISION_LOCK
from consumer.verify import UnknownAccountError
from sql import queries

if TYPE_CHECKING:
    import asyncpg

    from consumer.db import Connection

_SQL = queries("adjustments")
_BEGIN = queries("batch")["begin"] % REVISION_LOCK


class NothingToAdjustError(Exception):
    """The account has no such contact, profile or group."""


class ClientKeyUsedError(Exception):
    """The client has sent another adjustment of this contact under the same key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """Points for a contact in a group of a profile, all by key, negative ones to take.

    client_key: the client's own, by which it may send the adjustment again; unique for each contact.
    """

    account: str
    contact: str
    profile: str
    group: str
    points: int
    reason: str
    author: str
    client_key: str


async def add(connection: Connection, adjustment: Adjustment) -> tuple[int, bool]:
    """Add an adjustment and return its number, and whether it is new; one sent before has no effect again.

    Raises UnknownAccountError, NothingToAdjustError, ClientKeyUsedError, and what asyncpg raises: it is not
    known then whether it was added, and may be sent again.
    """
    about = await connection.fetchrow(
        _SQL["about"], adjustment.account, adjustment.contact, adjustment.profile, adjustment.group
    )
    if about is None:
        raise UnknownAccountError(f"there is no account {adjustment.account!r}")
    for what, number in about.items():
        if number is None:
            raise NothingToAdjustError(
                f"account {adjustment.account!r} has no {what} {getattr(adjustment, what)!r}"
            )
    await connection.execute(_BEGIN)
    try:
        added = await _add(connection, adjustment, about)
    except ClientKeyUsedError:
        await connection.execute("rollback")
        raise
    await connection.execute("commit")
    return added


async def _add(connection: Connection, adjustment: Adjustment, about: asyncpg.Record) -> tuple[int, bool]:
    contact, profile, group = about
    await announcing.lock(connection, [contact])
    number: int | None = await connection.fetchval(
        _SQL["add"],
        *(contact, profile, group, adjustment.points),
        *(adjustment.reason, adjustment.author, adjustment.client_key),
    )
    if number is None:
        before = await connection.fetchrow(
            _SQL["sent_before"], contact, adjustment.client_key, profile, group, adjustment.points
        )
        if before is None or not before["same"]:
            raise ClientKeyUsedError(
                f"another adjustment of {adjustment.contact!r} has the client key {adjustment.client_key!r}"
            )
        return before["id"], False
    publish = ("publish",) if await announcing.has_moved(connection, contact, profile) else ()
    await connection.execute(_SQL["fold"], contact, profile, group, adjustment.points)
    await announcing.tell(connection, [contact], [profile], moved=(*publish, "adjustment"), unmoved=())
    return number, True
