"""The contacts that joins connect, as they are stored and as the facts about them want them to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from consumer.domain.identity import Deletion, Join, deletions_that_hold, links_of, survivor_of
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from consumer.infra.postgres.connection import Connection

_SQL = queries("identity")


class Member(msgspec.Struct, gc=False):
    """A contact of a cluster as it is stored.

    name: its id, None once erased; id_hash: of that then. survivor: itself where not joined.
    """

    number: int
    account_id: int
    name: str | None
    id_hash: bytes | None
    shard: int
    survivor: int
    has_absorbed: bool
    deleted_before: datetime | None

    @property
    def is_joined(self) -> bool:
        """Whether it has been joined to another, or another to it."""
        return self.has_absorbed or self.survivor != self.number


class Cluster:
    """Contacts with all joins and deletions that can matter to them.

    deleted_before: by contact, the instant before which what came by its id is deleted. new_deletions: contacts of
    which deletions are not carried out yet, in the order of these.
    """

    def __init__(
        self,
        members: Iterable[Member],
        joins: Collection[Join],
        deletions: Collection[Deletion],
        new_deletions: Collection[Deletion],
    ) -> None:
        self.members = {member.number: member for member in members}
        self.deleted_before = deletions_that_hold(joins, deletions)
        latest = {one.contact: one.at for one in sorted(new_deletions, key=lambda one: one.at)}
        self.new_deletions = sorted(latest, key=lambda contact: (latest[contact], contact))
        self._links = links_of(joins)

    @property
    def to_take_away(self) -> dict[int, datetime]:
        """What deletions that are new, or have come to hold, take away: by contact, what is dated before."""
        new = set(self.new_deletions)
        return {
            number: before
            for number, before in sorted(self.deleted_before.items())
            if number in new or before != self.members[number].deleted_before
        }

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
    numbers = sorted(contacts)
    await connection.execute(_SQL["lock_cluster"], numbers)
    if await connected(connection, contacts) != set(contacts):
        return None
    return await read_cluster(connection, numbers)


async def read_cluster(connection: Connection, numbers: Sequence[int]) -> Cluster:
    """Read contacts that joins connect, and the facts about them."""
    members = [
        Member(number, account, name, id_hash, shard, survivor or number, has_absorbed, before)
        for number, account, name, id_hash, shard, survivor, has_absorbed, before in await connection.fetch(
            _SQL["members"], numbers
        )
    ]
    joins = [
        Join(contact, into, (occurred_at, event_key), origin == "identify")
        for contact, into, origin, occurred_at, event_key in await connection.fetch(_SQL["joins"], numbers)
    ]
    deletions = [
        (Deletion(contact, at), is_new)
        for contact, at, is_new in await connection.fetch(_SQL["deletions"], numbers)
    ]
    return Cluster(
        members, joins, [one for one, _ in deletions], [one for one, is_new in deletions if is_new]
    )
