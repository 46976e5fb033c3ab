"""Which contacts mean one person, and what deletions take away: a function of the joins and deletions. Pure.

Contacts are numbers here. What is dated, and how joins of one contact exclude each other: docs/semantics.md §8.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import TYPE_CHECKING, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

# The place of a join or deletion in event order (4.2): occurred_at, event key.
Order: TypeAlias = "tuple[datetime, bytes]"


class Join(msgspec.Struct, frozen=True, gc=False):
    """One contact is to lead to another. by_identify: of an anonymous contact, permanent (8.1)."""

    contact: int
    into: int
    order: Order
    by_identify: bool = False


class Deletion(msgspec.Struct, frozen=True, gc=False):
    """A contact was deleted: what is dated before goes."""

    contact: int
    at: datetime


def hash_of(salt: bytes, account_id: int, external_id: str) -> bytes:
    """Return the 32 bytes by which an id that was erased is recognised when it comes again (SHA-256, salted)."""
    return hashlib.sha256(salt + f"{account_id}\x1f{external_id}".encode()).digest()


def links_of(joins: Iterable[Join]) -> dict[int, int]:
    """Return where each contact leads: by its first identify (8.1), else by its latest other join (8.7)."""
    holding: dict[int, Join] = {}
    for join in joins:
        held = holding.get(join.contact)
        if held is None or _precedes(join, held):
            holding[join.contact] = join
    return {contact: join.into for contact, join in holding.items() if contact != join.into}


def _precedes(join: Join, held: Join) -> bool:
    if join.by_identify != held.by_identify:
        return join.by_identify
    return join.order < held.order if join.by_identify else join.order > held.order


def survivor_of(
    contact: int, links: Mapping[int, int], *, erased: Collection[int], names: Mapping[int, str]
) -> int:
    """Return the contact at the end of the links: itself where none leads on.

    erased: contacts of which a deletion has left nothing; no link leads to or from one (8.36). names: their ids, by
    which a circle ends at its least (8.8).
    """
    path, passed = [contact], {contact}
    while (following := links.get(path[-1])) is not None:
        if path[-1] in erased or following in erased:
            break
        if following in passed:
            return min(path[path.index(following) :], key=lambda one: names[one])
        path.append(following)
        passed.add(following)
    return path[-1]


def deletions_that_hold(joins: Collection[Join], deletions: Iterable[Deletion]) -> dict[int, datetime]:
    """Return the instants before which everything of a contact is deleted (8.25, 8.26), by contact.

    A deletion of another contact holds where joins dated before it led there.
    """
    before: dict[int, datetime] = {}
    for deletion in sorted(deletions, key=lambda one: one.at):
        links = links_of(one for one in joins if one.order[0] < deletion.at)
        for contact in _leading_to(deletion.contact, links):
            before[contact] = deletion.at
    return before


def _leading_to(contact: int, links: Mapping[int, int]) -> set[int]:
    """Return a contact and all that links lead to it from, over any number of links."""
    leading: defaultdict[int, list[int]] = defaultdict(list)
    for one, into in links.items():
        leading[into].append(one)
    found: set[int] = set()
    added = [contact]
    while added:
        one = added.pop()
        if one not in found:
            found.add(one)
            added += leading[one]
    return found
