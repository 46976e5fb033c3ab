"""Points given or taken by hand: stored, added to the scores, audited and announced in one transaction.

Lock order: batches, account, contacts, outbox heads. A client may send an adjustment again under the same
client key when it does not know whether the first arrived. Permissions are the caller's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer.domain.errors import UnknownAccountError
from consumer.infra.postgres.revision_lock import LOOK_UP_BY_KEY, shared_transaction
from consumer.scoring import announce
from consumer.scoring.stored_adjustments import StoredAdjustment, count
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    import asyncpg

    from consumer.infra.postgres.connection import Connection

    Refusal: TypeAlias = "NothingToAdjustError | ClientKeyUsedError"

_SQL = queries("adjustments")


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


@dataclass(frozen=True, slots=True)
class Added:
    """An adjustment that is stored. is_new: by this call."""

    number: int
    is_new: bool


async def add(connection: Connection, adjustment: Adjustment) -> tuple[int, bool]:
    """Add an adjustment and return its number and whether it is new; repeating one has no effect.

    Raises UnknownAccountError, NothingToAdjustError, ClientKeyUsedError, and asyncpg's errors: after one of these
    it is unknown whether it was added, and it may be sent again.
    """
    [outcome] = await add_all(connection, [adjustment])
    if isinstance(outcome, Exception):
        raise outcome
    return outcome.number, outcome.is_new


async def add_all(connection: Connection, adjustments: Sequence[Adjustment]) -> list[Added | Refusal]:
    """Add adjustments of one account and author in one transaction; return what became of each, in their order.

    One that is refused harms no other. The transaction holds the locks of all their contacts: some hundred at most.
    Raises UnknownAccountError, and asyncpg's errors as `add` does.
    """
    account = adjustments[0].account
    while True:
        async with shared_transaction(connection, LOOK_UP_BY_KEY, accounts=[account]):
            added = await _add_all(connection, account, adjustments)
        if added is not None:
            return added


async def _add_all(
    connection: Connection, account: str, adjustments: Sequence[Adjustment]
) -> list[Added | Refusal] | None:
    """Add them in the caller's transaction; None: a contact was joined to another or split meanwhile."""
    found = await _find_ids(connection, account, adjustments)
    outcomes: list[Added | Refusal | None] = [
        _missing(one, ids) for one, ids in zip(adjustments, found, strict=True)
    ]
    places = [place for place, refused in enumerate(outcomes) if refused is None]
    await announce.lock_contacts(connection, sorted({found[place]["contact"] for place in places}))
    if await _find_ids(connection, account, adjustments) != found:
        return None
    new = await _insert(connection, [(adjustments[place], found[place]) for place in places])
    stored: list[StoredAdjustment] = []
    for place, outcome in zip(places, new, strict=True):
        one, ids = adjustments[place], found[place]
        outcomes[place] = outcome
        if isinstance(outcome, Added) and outcome.is_new:
            stored.append(
                StoredAdjustment(
                    contact=ids["contact"],
                    profile=ids["profile"],
                    group=ids["group"],
                    points=one.points,
                    named=one.contact,
                    audited={
                        "profile": ids["profile_key"],
                        "group": one.group,
                        "points": one.points,
                        "reason": one.reason,
                        "client_key": one.client_key,
                    },
                )
            )
    if stored:
        await count(connection, account, adjustments[0].author, stored)
    return [outcome for outcome in outcomes if outcome is not None]


async def _find_ids(
    connection: Connection, account: str, adjustments: Sequence[Adjustment]
) -> list[asyncpg.Record]:
    """Return the numbers of contact, profile and group of each, and of its id where that was joined."""
    found = await connection.fetch(
        _SQL["find_ids"],
        account,
        [one.contact for one in adjustments],
        [one.profile for one in adjustments],
        [one.group for one in adjustments],
    )
    if not found:
        raise UnknownAccountError(f"there is no account {account!r}")
    return found


def _missing(one: Adjustment, ids: asyncpg.Record) -> NothingToAdjustError | None:
    missing = tuple(what for what in ("contact", "profile", "group") if ids[what] is None)
    if not missing:
        return None
    named = " and ".join(f"no {what} {getattr(one, what)!r}" for what in missing)
    return NothingToAdjustError(f"account {one.account!r} has {named}", missing)


async def _insert(
    connection: Connection, given: Sequence[tuple[Adjustment, asyncpg.Record]]
) -> list[Added | ClientKeyUsedError]:
    """Store them; the first with a client key counts, and others with that key are compared with it."""
    columns = (
        [ids["contact"] for _, ids in given],
        [ids["profile"] for _, ids in given],
        [ids["group"] for _, ids in given],
        [one.points for one, _ in given],
        [one.reason for one, _ in given],
        [one.client_key for one, _ in given],
        [ids["came_by"] for _, ids in given],
    )
    new = {
        (row["contact_id"], row["client_key"], row["came_by"]): row["id"]
        for row in await connection.fetch(_SQL["add"], *columns, [one.author for one, _ in given])
    }
    stored = await connection.fetch(_SQL["find_by_client_key"], *columns)
    outcomes: list[Added | ClientKeyUsedError] = []
    for (one, ids), row in zip(given, stored, strict=True):
        # Of several in this call, the first one is new.
        number = new.pop((ids["contact"], one.client_key, ids["came_by"]), None)
        if number is not None or row["same"]:
            outcomes.append(Added(row["id"], number is not None))
        else:
            outcomes.append(
                ClientKeyUsedError(
                    f"another adjustment of {one.contact!r} has the client key {one.client_key!r}"
                )
            )
    return outcomes
