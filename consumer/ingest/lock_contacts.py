"""Locks the contacts of a batch, and creates those that are new."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import msgspec

from consumer.infra.postgres.column_params import numbers, texts
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from consumer.infra.postgres.connection import Connection

_SQL = queries("batch")

# Number of the account, id of the contact in it.
Person: TypeAlias = tuple[int, str]


class LockedContact(msgspec.Struct, frozen=True, gc=False):
    """A contact whose row this transaction holds. shard: of its messages. is_new: created by this transaction."""

    id: int
    account_id: int
    external_id: str
    shard: int
    is_new: bool


async def lock_contacts(connection: Connection, slices: Mapping[Person, int]) -> dict[Person, LockedContact]:
    """Lock these contacts in the order of their numbers, and create those that are missing.

    slices: by contact, the slice it was seen in, which gives a new one its shard. Raises asyncpg's
    UniqueViolationError where another transaction creates one of them at the same time: the batch has to be tried
    again, and will find that contact.
    """
    people = sorted(slices)
    if not people:
        return {}
    locked = {
        (account, name): LockedContact(number, account, name, shard, is_new=False)
        for number, account, name, shard in await connection.fetch(_SQL["lock_contacts"], *_columns(people))
    }
    if missing := [person for person in people if person not in locked]:
        rows = await connection.fetch(
            _SQL["create_contacts"], *_columns(missing), numbers([slices[person] for person in missing])
        )
        for number, account, name, shard in rows:
            locked[account, name] = LockedContact(number, account, name, shard, is_new=True)
    return locked


def _columns(people: Sequence[Person]) -> tuple[str, str]:
    return numbers([account for account, _ in people]), texts([name for _, name in people])
