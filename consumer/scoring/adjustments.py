"""Points given or taken by hand: stored, added to the scores, audited and announced in one transaction.

Lock order: batches, account, contact, outbox heads. A client may send an adjustment again under the same
client key when it does not know whether the first arrived. Permissions are the caller's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer.catalog import audit
from consumer.catalog.audit import AuditedChange
from consumer.contact_state.scores import OVERALL, Scores
from consumer.domain.errors import UnknownAccountError
from consumer.infra.postgres.connection import fetch_one
from consumer.infra.postgres.revision_lock import LOOK_UP_BY_KEY, shared_transaction
from consumer.scoring import announce
from sql import queries

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection

_SQL = queries("adjustments")
# Fields that the audit trail shows.
_AUDITED_FIELDS = ("profile", "group", "points", "reason", "client_key")


class NothingToAdjustError(Exception):
    """The account has no such contact, profile or group; `missing` names which of these three."""

    def __init__(self, message: str, missing: tuple[str, ...]) -> None:
        super().__init__(message)
        self.missing = missing


class ClientKeyUsedError(Exception):
    """The client has used this key for a different adjustment of the contact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """Points for a contact in a group of a profile, all by key; negative points are taken.

    profile: None is the primary one. client_key: idempotency key chosen by the client, unique for each contact.
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
    """Add an adjustment and return its number and whether it is new; repeating one has no effect.

    Raises UnknownAccountError, NothingToAdjustError, ClientKeyUsedError, and asyncpg's errors: after one of these
    it is unknown whether it was added, and it may be sent again.
    """
    while True:
        async with shared_transaction(connection, LOOK_UP_BY_KEY, accounts=[adjustment.account]):
            added = await _add(connection, adjustment)
        if added is not None:
            return added


async def _add(connection: Connection, adjustment: Adjustment) -> tuple[int, bool] | None:
    """Add an adjustment in the caller's transaction; None: its contact was joined to another or split meanwhile."""
    ids = await _find_ids(connection, adjustment)
    contact, profile, group, came_by = ids
    await announce.lock_contacts(connection, [contact])
    if await _find_ids(connection, adjustment) != ids:
        return None
    number: int | None = await connection.fetchval(
        _SQL["add"],
        *(contact, profile, group, adjustment.points),
        *(adjustment.reason, adjustment.author, adjustment.client_key, came_by),
    )
    if number is None:
        earlier = await connection.fetchrow(
            _SQL["find_by_client_key"],
            *(contact, adjustment.client_key),
            *(profile, group, adjustment.points, adjustment.reason, came_by),
        )
        if earlier is None or not earlier["same"]:
            raise ClientKeyUsedError(
                f"another adjustment of {adjustment.contact!r} has the client key {adjustment.client_key!r}"
            )
        return earlier["id"], False
    scores = await Scores.read(connection, [contact])
    for row in await connection.fetch(_SQL["versions"], profile):
        scores.under(contact, profile, row["version"]).add(group, adjustment.points)
    await scores.write(connection)
    row = await fetch_one(connection, _SQL["page"], contact, number + 1, number, 1)
    change = AuditedChange(
        "adjusted", "contact", adjustment.contact, None, {name: row[name] for name in _AUDITED_FIELDS}
    )
    await audit.record_changes(connection, adjustment.account, adjustment.author, change)
    points = adjustment.points
    deltas = announce.ScoreDeltas.of([(contact, profile, OVERALL, points), (contact, profile, group, points)])
    await announce.enqueue_score_messages(connection, [contact], [profile], cause="adjustment", deltas=deltas)
    return number, True


async def _find_ids(connection: Connection, adjustment: Adjustment) -> tuple[int, int, int, int | None]:
    """Return the numbers of contact, profile and group, and of the id where that was joined to the contact."""
    ids = await connection.fetchrow(
        _SQL["find_ids"], adjustment.account, adjustment.contact, adjustment.profile, adjustment.group
    )
    if ids is None:
        raise UnknownAccountError(f"there is no account {adjustment.account!r}")
    if missing := tuple(what for what in ("contact", "profile", "group") if ids[what] is None):
        named = " and ".join(f"no {what} {getattr(adjustment, what)!r}" for what in missing)
        raise NothingToAdjustError(f"account {adjustment.account!r} has {named}", missing)
    return ids["contact"], ids["profile"], ids["group"], ids["came_by"]
