"""Which ids mean one contact, and what deletions take away (semantics §8).

Owns joins and deletions as facts, and what follows from them. Never sees an entry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from tests.oracle.decode import Event

# Account and id.
Contact = tuple[str, str]


@dataclass(frozen=True)
class Join:
    """`contact` is to lead to `into`."""

    contact: Contact
    into: Contact
    order: tuple[datetime, bytes]
    permanent: bool


def join_of(event: Event) -> Join | None:
    """Return the join that an event asks for."""
    into = event.data.get("into")
    if event.type == "contact.merged":
        permanent = False
    elif event.type in ("track.identify", "track.alias") and event.subject.startswith("anonymous:"):
        permanent = True
        if not isinstance(into, str) or into.startswith("anonymous:"):
            return None
    else:
        return None
    if into is None or into == event.subject:
        return None
    return Join((event.account, event.subject), (event.account, into), event.order, permanent)


class Facts:
    """All joins and deletions so far."""

    def __init__(self) -> None:
        self.joins: list[Join] = []
        self.deletions: list[tuple[Contact, datetime]] = []

    def next_of(self, contact: Contact, before: datetime | None = None) -> Contact | None:
        """Return where the joins of a contact lead, of those dated before an instant if one is given."""
        own = [
            join
            for join in self.joins
            if join.contact == contact and (before is None or join.order[0] < before)
        ]
        permanent = [join for join in own if join.permanent]
        if permanent:
            return min(permanent, key=lambda join: join.order).into
        return max(own, key=lambda join: join.order).into if own else None

    def survivor(self, contact: Contact, erased: Collection[Contact]) -> Contact:
        """Return the contact at the end of the joins; erased ones lead nowhere."""
        way = [contact]
        while True:
            following = self.next_of(way[-1])
            if following is None or way[-1] in erased or following in erased:
                return way[-1]
            if following in way:
                return min(way[way.index(following) :])
            way.append(following)

    def deleted_before(self, contact: Contact) -> datetime | None:
        """Return the latest deletion of a contact, or of one that it led to by joins dated before."""
        found = []
        for deleted, at in self.deletions:
            way: list[Contact | None] = [contact]
            while way[-1] is not None and way[-1] != deleted:
                following = self.next_of(way[-1], at)
                way.append(None if following in way else following)
            if way[-1] == deleted:
                found.append(at)
        return max(found, default=None)

    def connected(self, contact: Contact) -> set[Contact]:
        """Return the contacts that joins connect with one, over any number of joins."""
        known = {contact}
        while True:
            more = {
                end
                for join in self.joins
                if join.contact in known or join.into in known
                for end in (join.contact, join.into)
            }
            if more <= known:
                return known
            known |= more
