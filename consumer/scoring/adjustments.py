"""Points that people give or take: kept, folded into scores and told of in one transaction.

Owns its order, which is a batch's (revision, contact, outbox heads), that a client may send again what it does not
know to have arrived, and the entry in the audit trail. Never decides who may.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer.catalog import audit
from consumer.catalog.audit import AuditedChange
from consumer.domain.errors import UnknownAccountError
from consumer.infra.postgres.column_params import numbers
from consumer.infra.postgres.connection import fetch_one
from consumer.infra.postgres.revision import begin_shared
from consumer.scoring import announce
from sql import queries

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection

_SQL = queries("adjustments")
# What of an adjustment the audit trail tells.
_ON_RECORD = ("profile", "group", "points", "reason", "client_key")


class NothingToAdjustError(Exception):
    """The account has no such contact, profile or group; `missing` names which of these three."""

    def __init__(self, message: str, missing: tuple[str, ...]) -> None:
        super().__init__(message)
        self.missing = missing


class ClientKeyUsedError(Exception):
    """The client has sent another adjustment of this contact under the same key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """Points for a contact in a group of a profile, all by key, negative ones to take.

    profile: None is the primary one. client_key: the client's own, by which it may send the adjustment again;
    unique for each contact.
    """

    account: str
    contact: str
    profile: str | None
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
    await begin_shared(connection)
    try:
        added = await _add(connection, adjustment)
    except Exception:
        await connection.execute("rollback")
        raise
    await connection.execute("commit")
    return added


async def _add(connection: Connection, adjustment: Adjustment) -> tuple[int, bool]:
    contact, profile, group = await _about(connection, adjustment)
    await announce.lock_contacts(connection, [contact])
    number: int | None = await connection.fetchval(
        _SQL["add"],
        *(contact, profile, group, adjustment.points),
        *(adjustment.reason, adjustment.author, adjustment.client_key),
    )
    if number is None:
        before = await connection.fetchrow(
            _SQL["sent_before"],
            *(contact, adjustment.client_key),
            *(profile, group, adjustment.points, adjustment.reason),
        )
        if before is None or not before["same"]:
            raise ClientKeyUsedError(
                f"another adjustment of {adjustment.contact!r} has the client key {adjustment.client_key!r}"
            )
        return before["id"], False
    await connection.execute(_SQL["fold"], contact, profile, group, adjustment.points)
    row = await fetch_one(connection, _SQL["page"], contact, number + 1, number, 1)
    change = AuditedChange(
        "adjusted", "contact", adjustment.contact, None, {name: row[name] for name in _ON_RECORD}
    )
    await audit.record_changes(connection, adjustment.account, adjustment.author, change)
    points = adjustment.points
    deltas = announce.ScoreDeltas(
        numbers([contact, contact]),
        numbers([profile, profile]),
        numbers([0, group]),
        numbers([points, points]),
    )
    await announce.enqueue_score_messages(connection, [contact], [profile], cause="adjustment", deltas=deltas)
    return number, True


async def _about(connection: Connection, adjustment: Adjustment) -> tuple[int, int, int]:
    about = await connection.fetchrow(
        _SQL["about"], adjustment.account, adjustment.contact, adjustment.profile, adjustment.group
    )
    if about is None:
        raise UnknownAccountError(f"there is no account {adjustment.account!r}")
    if missing := tuple(what for what, number in about.items() if number is None):
        named = " and ".join(f"no {what} {getattr(adjustment, what)!r}" for what in missing)
        raise NothingToAdjustError(f"account {adjustment.account!r} has {named}", missing)
    return about["contact"], about["profile"], about["group"]
