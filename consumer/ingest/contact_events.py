"""Records what events say about contacts: fields, joins, deletions. scoring/identity carries out the last two."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from consumer.contact_state.identity_facts import DeletionFact, JoinFact, record_deletions, record_joins
from consumer.domain.cloudevents import CONTROL
from consumer.domain.limits import LONGEST_TEXT
from schemas.exact_json import parse_data
from schemas.vocabulary import ANONYMOUS_PREFIX, CONTACT_DELETED, CONTACT_MERGED, IDENTIFY_TYPES
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from consumer.domain.model import Event
    from consumer.infra.postgres.connection import Connection
    from consumer.ingest.lock_contacts import LockedId, Person

_FIELDS = ("name", "email", "phone", "owner", "url")
_SQL = queries("batch")


@dataclass(frozen=True)
class ContactEvent:
    """An event that says something about contacts. partition: of its record, which gives new ones their shard."""

    account_id: int
    event: Event
    partition: int

    @property
    def person(self) -> Person:
        """The contact that it is about."""
        return self.account_id, self.event.subject

    # Read once: each parses the data, and a batch asks for them several times.
    @cached_property
    def fields(self) -> list[tuple[str, str]]:
        """What an upsert says of the contact: names and values."""
        data = parse_data(self.event.data)
        fields = [(name, data[name]) for name in _FIELDS if data.get(name) is not None]
        if data.get("tags") is not None:
            fields.append(("tags", msgspec.json.encode(data["tags"]).decode()))
        return fields

    @cached_property
    def joined_into(self) -> Person | None:
        """The contact that it joins its own to; None: it joins nothing."""
        event = self.event
        if event.type == CONTACT_MERGED:
            into = parse_data(event.data).get("into")
        elif event.type in IDENTIFY_TYPES and event.subject.startswith(ANONYMOUS_PREFIX):
            into = parse_data(event.data).get("into")
            if not _is_known_id(into):
                return None
        else:
            return None
        return None if into is None or into == event.subject else (self.account_id, into)


def _is_known_id(into: object) -> bool:
    """Return whether an identify names a known contact: its data has no schema, so the rule of `subject` (2.23)."""
    return (
        isinstance(into, str)
        and 1 <= len(into) <= LONGEST_TEXT
        and not into.startswith(ANONYMOUS_PREFIX)
        and CONTROL.search(into) is None
    )


async def record_contact_events(
    connection: Connection,
    upserts: Iterable[ContactEvent],
    events: Sequence[ContactEvent],
    ids: Mapping[Person, LockedId],
) -> None:
    """Store the fields of upserts, and the joins and deletions among events. All of their ids are locked."""
    await _record_fields(connection, upserts, ids)
    await record_joins(
        connection,
        [
            JoinFact(
                ids[one.person].number,
                ids[into].number,
                "identify" if one.event.type in IDENTIFY_TYPES else "merged",
                one.event.occurred_at,
                one.event.key,
            )
            for one in events
            if (into := one.joined_into) is not None
        ],
    )
    await record_deletions(
        connection,
        [
            DeletionFact(ids[one.person].number, one.event.occurred_at, one.event.key)
            for one in events
            if one.event.type == CONTACT_DELETED
        ],
    )


async def _record_fields(
    connection: Connection, upserts: Iterable[ContactEvent], ids: Mapping[Person, LockedId]
) -> None:
    rows, joined = [], []
    for one in upserts:
        locked = ids[one.person]
        for name, value in one.fields:
            row = name, value, one.event.occurred_at, one.event.key
            rows.append((one.account_id, locked.contact.id, *row))
            if locked.is_joined:
                joined.append((locked.number, *row))
    if rows:
        await connection.execute(_SQL["contact_fields"], *map(list, zip(*rows, strict=True)))
    if joined:
        await connection.execute(_SQL["joined_fields"], *map(list, zip(*joined, strict=True)))
