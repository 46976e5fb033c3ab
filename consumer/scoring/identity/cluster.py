"""The contacts that joins connect, as they are stored and as the facts about them want them to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from consumer.domain.identity import Deletion, Join, deleted_before, links_of, survivor_of
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from consumer.infra.postgres.connection import Connection

_SQL = queries("identity")


class Member(msgspec.Struct, gc=False):
    """A contact of a cluster as it is stored. name: its id, None once erased. survivor: itself where not joined."""

    number: int
    account_id: int
    name: str | None
    shard: int
    survivor: int
    has_absorbed: bool
    deleted_before: datetime | None

    @property
    def is_joined(self) -> bool:
        """Whether it has been joined to another, or another to it."""
        return self.has_absorbed or self.survivor != self.number


class Cluster:
    """Contacts whose locks are held, with all joins and deletions that can matter to them."""

    def __init__(
        self, members: Iterable[Member], joins: Collection[Join], deletions: Collection[Deletion]
    ) -> None:
        self.members = {member.number: member for member in members}
        self._joins, self._deletions = joins, deletions
        self._links = links_of(joins)

    def deleted_before(self, number: int) -> datetime | None:
        """Return the instant before which what came by a contact's id is deleted."""
        return deleted_before(number, self._joins, self._deletions)

    def survivors(self, erased: Collection[int]) -> dict[int, int]:
        """Return where each contact belongs, itself included. erased: those of which nothing is left."""
        names = {number: member.name or "" for number, member in self.members.items()}
        return {
            number: survivor_of(number, self._links, erased=erased, names=names) for number in self.members
        }


async def connected(connection: Connection, contacts: Collection[int]) -> set[int]:
    """Return these contacts and all that joins connect with them, over any number of joins."""
    known: set[int] = set()
    added = set(contacts)
    while added:
        known |= added
        rows = await connection.fetch(_SQL["cluster"], sorted(added))
        added = {number for (number,) in rows if number is not None} - known
    return known


async def lock_cluster(connection: Connection, contacts: Collection[int]) -> Cluster | None:
    """Lock contacts and read the facts about them; None: joins connect them with others by now."""
    rows = await connection.fetch(_SQL["lock_cluster"], sorted(contacts))
    if await connected(connection, contacts) != set(contacts):
        return None
    numbers = sorted(contacts)
    return Cluster(
        [
            Member(number, account, name, shard, survivor or number, has_absorbed, before)
            for number, account, name, shard, survivor, has_absorbed, before in rows
        ],
        [
            Join(contact, into, (occurred_at, event_key), origin == "identify")
            for contact, into, origin, occurred_at, event_key in await connection.fetch(
                _SQL["joins"], numbers
            )
        ],
        [Deletion(contact, at) for contact, at in await connection.fetch(_SQL["deletions"], numbers)],
    )
