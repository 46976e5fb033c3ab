"""Joins and deletions that people ask for: stored as facts, and audited. Workers carry them out.

Lock order: batches, account, contacts. Permissions are the caller's.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from consumer.catalog import audit
from consumer.catalog.audit import AuditedChange
from consumer.contact_state.identity_facts import DeletionFact, JoinFact, record_deletions, record_joins
from consumer.domain.identity import hash_of
from consumer.infra.postgres.revision_lock import LOOK_UP_BY_KEY, shared_transaction
from consumer.scoring import announce
from consumer.scoring.find_account import find_account
from sql import queries

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection

_SQL = queries("identity")

# Where data of a deleted contact may still be, since it is not this service that keeps it.
NOT_REACHED = (
    "the input topics, for as long as Kafka keeps their records",
    "the dead-letter topic, for as long as Kafka keeps its records",
    "engagement.score-changed until the next compaction, and its tombstones' keys for delete.retention.ms",
    "engagement.xp-credited, for as long as Kafka keeps its records: XP that reps earned stays",
    "engagement.band-changed, for as long as Kafka keeps its records",
    "backups of the database, and logs of other services",
)


class UnknownContactError(Exception):
    """The account has no such contact."""

    def __init__(self, contact: str) -> None:
        super().__init__(f"there is no contact {contact}")


class UnknownSurvivorError(UnknownContactError):
    """The account has no such contact as another is to be joined to."""


class AlreadyOneError(Exception):
    """Both ids mean one contact already."""


class UnknownJoinError(Exception):
    """The contact has no such join, or it was not made through the API and cannot be undone."""


class UnknownDeletionError(Exception):
    """The account has no such deletion."""


class JoinStatus(msgspec.Struct, frozen=True):
    """A join of a contact. id: hex. into: the id that it leads to, None once that is erased."""

    id: str
    into: str | None
    origin: str
    occurred_at: datetime
    requested_by: str | None
    is_carried_out: bool


class DeletionStatus(msgspec.Struct, frozen=True):
    """A deletion. contact: the hash that stands for the id from now on. taken: rows by kind, None: not done yet."""

    id: str
    contact: str
    occurred_at: datetime
    carried_out_at: datetime | None
    taken: dict[str, int] | None


async def join(connection: Connection, account: str, contact: str, into: str, *, by: str) -> JoinStatus:
    """Join a contact to another. Raises UnknownContactError, UnknownSurvivorError, AlreadyOneError."""
    async with shared_transaction(connection, LOOK_UP_BY_KEY, accounts=[account]):
        account_id, number, other = await lock_both(connection, account, contact, into)
        if await connection.fetchval(_SQL["is_being_joined"], number, other):
            raise AlreadyOneError(f"{contact} is being joined to {into} already")
        fact = JoinFact(number, other, "api", datetime.now(UTC), secrets.token_bytes(16), by)
        await record_joins(connection, [fact])
        change = AuditedChange(
            "joined", "contact", contact, None, {"into": into, "join": fact.event_key.hex()}
        )
        await audit.record_changes(connection, account, by, change)
    return (await joins_of(connection, account_id, contact, fact.event_key))[0]


async def undo_join(connection: Connection, account: str, contact: str, join_id: str, *, by: str) -> None:
    """Undo a join that was made through the API. Raises UnknownContactError, UnknownJoinError."""
    async with shared_transaction(connection, LOOK_UP_BY_KEY, accounts=[account]):
        account_id = await find_account(connection, account)
        number = (await find(connection, account_id, contact))["id"]
        await announce.lock_contacts(connection, [number])
        await take_back(connection, number, contact, join_id)
        change = AuditedChange("split", "contact", contact, {"join": join_id}, None)
        await audit.record_changes(connection, account, by, change)


async def take_back(connection: Connection, number: int, contact: str, join_id: str) -> None:
    """Take a join of the API back, in the caller's transaction. Raises UnknownJoinError."""
    origin = await connection.fetchval(_SQL["undo_join"], number, _key(join_id))
    if origin == "api":
        return
    why = f"contact {contact} has no join {join_id}"
    if origin is not None:
        why = f"join {join_id} came with an event ({origin}): only joins of the API can be undone"
    raise UnknownJoinError(why)


async def joins_of(
    connection: Connection, account_id: int, contact: str, event_key: bytes | None = None
) -> list[JoinStatus]:
    """Return the joins of a contact's id, newest first, or one of them. Raises UnknownContactError."""
    number = (await find(connection, account_id, contact))["id"]
    return [
        JoinStatus(
            row["event_key"].hex(),
            row["into_id"],
            row["origin"],
            row["occurred_at"],
            row["requested_by"],
            row["is_carried_out"],
        )
        for row in await connection.fetch(_SQL["joins_of"], number, event_key)
    ]


async def delete(connection: Connection, account: str, contact: str, *, by: str) -> DeletionStatus:
    """Delete what is dated before now of a contact, known or not: a dead letter or a sample may name it."""
    account_id, _, deletion = await delete_by_number(connection, account, contact, by=by)
    return await deletion_status(connection, account_id, deletion)


async def delete_by_number(
    connection: Connection, account: str, contact: str, *, by: str
) -> tuple[int, int, str]:
    """Do the same; return the numbers of account and contact, and the id of the deletion."""
    async with shared_transaction(connection, LOOK_UP_BY_KEY, accounts=[account]):
        account_id = await find_account(connection, account)
        hashed = hash_of(await connection.fetchval(_SQL["salt"]), account_id, contact)
        number = await _lock_or_create(connection, account_id, contact, hashed)
        key = secrets.token_bytes(16)
        await record_deletions(connection, [DeletionFact(number, datetime.now(UTC), key, by)])
        change = AuditedChange("deleted", "contact", f"erased:{hashed.hex()}", None, {"deletion": key.hex()})
        await audit.record_changes(connection, account, by, change)
    return account_id, number, key.hex()


async def deletion_status(connection: Connection, account_id: int, deletion: str) -> DeletionStatus:
    """Return how far a deletion is. Raises UnknownDeletionError."""
    row = await connection.fetchrow(_SQL["deletion_status"], account_id, _key(deletion))
    if row is None:
        raise UnknownDeletionError(f"there is no deletion {deletion}")
    hashed = row["id_hash"] or hash_of(row["salt"], account_id, row["external_id"])
    taken = None if row["taken"] is None else msgspec.json.decode(row["taken"], type=dict[str, int])
    return DeletionStatus(deletion, hashed.hex(), row["occurred_at"], row["carried_out_at"], taken)


async def _lock_or_create(connection: Connection, account_id: int, contact: str, hashed: bytes) -> int:
    """Return the number of an id, whose row is locked: the erased one that the id had, or a new one, if need be."""
    while True:
        number: int | None = await connection.fetchval(_SQL["lock_named"], account_id, contact)
        if number is not None:
            return number
        number = await connection.fetchval(_SQL["create_named"], account_id, contact)
        if number is None:
            continue  # created meanwhile
        # After the creation, as batches do: a row that is erased later still had the id when it was created.
        erased: int | None = await connection.fetchval(_SQL["lock_erased"], account_id, hashed)
        if erased is None:
            return number
        await connection.execute(_SQL["uncreate"], number)
        return erased


async def lock_both(connection: Connection, account: str, contact: str, into: str) -> tuple[int, int, int]:
    """Lock two contacts; return the numbers of the account and of both.

    Raises UnknownContactError, UnknownSurvivorError, AlreadyOneError.
    """
    account_id = await find_account(connection, account)
    ids = await _find_both(connection, account_id, contact, into)
    await announce.lock_contacts(connection, [row["id"] for row in ids])
    ids = await _find_both(connection, account_id, contact, into)
    if ids[0]["survivor_id"] == ids[1]["survivor_id"]:
        raise AlreadyOneError(f"{contact} and {into} are one contact already")
    return account_id, ids[0]["id"], ids[1]["id"]


async def _find_both(
    connection: Connection, account_id: int, contact: str, into: str
) -> tuple[dict[str, int], dict[str, int]]:
    found = await find(connection, account_id, contact)
    try:
        return found, await find(connection, account_id, into)
    except UnknownContactError:
        raise UnknownSurvivorError(into) from None


async def find(connection: Connection, account_id: int, contact: str) -> dict[str, int]:
    """Return the number of an id, and of the contact that it means. Raises UnknownContactError."""
    row = await connection.fetchrow(_SQL["find_contact"], account_id, contact)
    if row is None:
        raise UnknownContactError(contact)
    return dict(row)


def _key(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""
