"""Locks the contacts of a batch, and creates those that are new.

An id may have been joined to another contact, or have been erased by a deletion (semantics §8); its row says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import msgspec

from consumer.domain.identity import hash_of
from consumer.infra.postgres.column_params import numbers, texts
from consumer.ingest.stale_catalog import StaleCatalogError
from schemas.timestamps import to_microseconds
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    import asyncpg

    from consumer.infra.postgres.connection import Connection

_SQL = queries("batch")

# Number of the account, id of the contact in it.
Person: TypeAlias = tuple[int, str]


class ContactsMovedError(StaleCatalogError):
    """A contact was joined to another while this transaction waited for its lock: try the batch again."""


class LockedContact(msgspec.Struct, gc=False):
    """A contact whose row this transaction holds, with which others may be joined.

    shard: of its messages. is_new: created by this transaction, or seen again after it was erased.
    """

    id: int
    account_id: int
    external_id: str
    shard: int
    is_new: bool
    was_erased: bool = False

    @property
    def is_created(self) -> bool:
        """Whether this transaction has created it, so that nothing is stored of it."""
        return self.is_new and not self.was_erased


class LockedId(msgspec.Struct, gc=False):
    """An id whose row this transaction holds, and the contact that it means.

    number: of its row. deleted_us: what came by it and is dated before is deleted, in microseconds since 1970.
    is_joined: it has been joined to another contact, or others to it. is_erased: a deletion has left nothing of it.
    """

    number: int
    contact: LockedContact
    deleted_us: int | None = None
    is_joined: bool = False
    is_erased: bool = False

    @property
    def came_by(self) -> int | None:
        """What the timeline has to keep of the id: None where the contact goes by it."""
        return None if self.number == self.contact.id else self.number


async def claim_and_lock(
    connection: Connection,
    claims: Sequence[tuple[int, bytes, int]],
    slices: Mapping[Person, int],
) -> tuple[dict[Person, LockedId], Sequence[Person]]:
    """Claim event keys, then lock these ids and the contacts they mean, and create those that are missing.

    claims: account, event key and digest, in order. Ids are locked in the order of their numbers. slices: by id,
    the slice it was seen in, which gives a new contact its shard. Returns those created too. Raises
    ContactsMovedError, and asyncpg's UniqueViolationError where another transaction claims one of the keys or
    creates one of the contacts at the same time: the batch has to be tried again, and will find them.
    """
    people = sorted(slices)
    if not (people or claims):
        return {}, ()
    found = await connection.fetch(
        _SQL["claim_and_lock"],
        *_columns(people),
        numbers([account for account, _, _ in claims]),
        b"".join([key for _, key, _ in claims]),
        numbers([digest for _, _, digest in claims]),
    )
    rows = {row[0]: row for row in found}
    asked = set(people)
    contacts: dict[int, LockedContact] = {}
    locked: dict[Person, LockedId] = {}
    for number, account, name, _, survivor, has_absorbed, deleted_before in rows.values():
        if (account, name) not in asked:
            continue
        meant = number if survivor is None else survivor
        if (contact := contacts.get(meant)) is None:
            contacts[meant] = contact = _contact(rows.get(meant))
        locked[account, name] = LockedId(
            number, contact, _microseconds(deleted_before), has_absorbed or survivor is not None
        )
    if missing := [person for person in people if person not in locked]:
        for number, account, name, shard in await connection.fetch(
            _SQL["create_contacts"], *_columns(missing), numbers([slices[person] for person in missing])
        ):
            locked[account, name] = LockedId(number, LockedContact(number, account, name, shard, is_new=True))
    return locked, missing


async def use_erased(
    connection: Connection,
    created: Sequence[Person],
    erased: Sequence[asyncpg.Record],
    locked: dict[Person, LockedId],
) -> None:
    """Put the rows of ids that were erased in the place of rows just created for them.

    erased: as `changed_accounts` returns them. Looked up after the creation: a row that is erased later still had
    the id when it was created.
    """
    people = [created[row["number"] - 1] for row in erased]
    await connection.execute(_SQL["uncreate_contacts"], [locked[person].number for person in people])
    for person, row in zip(people, erased, strict=True):
        account, name = person
        contact = LockedContact(row["id"], account, name, row["shard"], is_new=True, was_erased=True)
        locked[person] = LockedId(row["id"], contact, _microseconds(row["deleted_before"]), is_erased=True)


async def keep_erased(connection: Connection, ids: Iterable[LockedId], salt: bytes) -> None:
    """Erase ids that were created for a deletion alone: nothing of them is seen."""
    ids = list(ids)
    if not ids:
        return
    await connection.execute(
        _SQL["erase_contacts"],
        [one.number for one in ids],
        [hash_of(salt, one.contact.account_id, one.contact.external_id) for one in ids],
    )


async def revive(connection: Connection, ids: Iterable[LockedId]) -> None:
    """Give erased contacts their ids again, and have joins with them carried out."""
    ids = list(ids)
    await connection.execute(
        _SQL["revive_contacts"], [one.number for one in ids], [one.contact.external_id for one in ids]
    )


def _contact(row: asyncpg.Record | None) -> LockedContact:
    if row is None or row[4] is not None or row[2] is None:
        raise ContactsMovedError
    return LockedContact(row[0], row[1], row[2], row[3], is_new=False)


def _microseconds(instant: datetime | None) -> int | None:
    return None if instant is None else to_microseconds(instant)


def _columns(people: Sequence[Person]) -> tuple[str, str]:
    return numbers([account for account, _ in people]), texts([name for _, name in people])
