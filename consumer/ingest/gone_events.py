"""Which events of a batch are gone: their contact was deleted, and they are dated before that (semantics §8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.domain.identity import hash_of
from consumer.infra.postgres.column_params import numbers, texts
from consumer.ingest.batch import UntakenEvent
from schemas.timestamps import to_microseconds
from schemas.vocabulary import CONTACT_DELETED, CONTACT_MERGED
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from consumer.domain.model import Event
    from consumer.infra.postgres.connection import Connection
    from consumer.ingest.batch import MatchedEvent, TriagedBatch
    from consumer.ingest.contact_events import ContactEvent
    from consumer.ingest.lock_contacts import LockedId, Person

_SQL = queries("batch")


class GoneEvents:
    """The instants before which what came by an id is deleted: as stored, and by deletions of the batch itself."""

    def __init__(self, ids: Mapping[Person, LockedId], events: Iterable[ContactEvent]) -> None:
        self._locked = ids
        self._before: dict[Person, int] = {
            person: one.deleted_us for person, one in ids.items() if one.deleted_us is not None
        }
        for one in events:
            if one.event.type == CONTACT_DELETED:
                self._note(one.person, one.event.occurred_us)

    def _note(self, person: Person, before: int) -> None:
        self._before[person] = max(before, self._before.get(person, before))

    async def read_others(self, connection: Connection, batch: TriagedBatch, salt: bytes) -> None:
        """Read them of events whose ids are not locked, since nothing of theirs is applied."""
        others = sorted(
            {_person(one) for events in (batch.matched, batch.untaken) for one in events}
            - self._locked.keys()
        )
        if not others:
            return
        for number, deleted_before in await connection.fetch(
            _SQL["deleted_before"],
            numbers([account for account, _ in others]),
            texts([name for _, name in others]),
            [hash_of(salt, account, name) for account, name in others],
        ):
            self._note(others[number - 1], to_microseconds(deleted_before))

    def took(self, person: Person, event: Event) -> bool:
        """Return whether an event of this contact is gone."""
        before = self._before.get(person)
        return before is not None and event.occurred_us < before

    def has(self, one: MatchedEvent | UntakenEvent) -> bool:
        """Return whether an event of the batch is gone, whatever else would become of it."""
        if not self._before:
            return False
        if isinstance(one, UntakenEvent) and one.event.type == CONTACT_MERGED:
            return False  # a join is never gone (8.27)
        return self.took(_person(one), one.event)


def _person(one: MatchedEvent | UntakenEvent) -> Person:
    return one.account.id, one.event.subject
