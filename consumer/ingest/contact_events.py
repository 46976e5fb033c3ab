"""Records what `contact.*` events say about contacts: fields, merges, deletions.

Merges and deletions are stored as received; nothing carries them out yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from schemas.exact_json import parse_data
from schemas.vocabulary import CONTACT_DELETED, CONTACT_MERGED, CONTACT_UPSERTED
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.domain.model import Event
    from consumer.infra.postgres.connection import Connection

_FIELDS = ("name", "email", "phone", "owner", "url")
_SQL = queries("batch")


@dataclass(frozen=True, slots=True)
class ContactEvent:
    """One of the three `contact.` events. partition: of its record, which gives a new contact its shard."""

    account_id: int
    event: Event
    partition: int


async def record_contact_events(connection: Connection, events: Sequence[ContactEvent]) -> None:
    """Store fields, merges and deletions. The contacts of `contact.upserted` events have to exist."""
    await _record_fields(connection, [one for one in events if one.event.type == CONTACT_UPSERTED])
    merges = [one for one in events if one.event.type == CONTACT_MERGED]
    if merges:
        await connection.execute(
            _SQL["contact_merges"], *_columns(merges), [_into(one.event) for one in merges]
        )
    deletions = [one for one in events if one.event.type == CONTACT_DELETED]
    if deletions:
        await connection.execute(_SQL["contact_deletions"], *_columns(deletions))


async def _record_fields(connection: Connection, upserts: Sequence[ContactEvent]) -> None:
    rows = [
        (one.account_id, one.event.subject, name, value, one.event.occurred_at, one.event.key)
        for one in upserts
        for name, value in _fields(one.event)
    ]
    if rows:
        await connection.execute(_SQL["contact_fields"], *map(list, zip(*rows, strict=True)))


def _fields(event: Event) -> list[tuple[str, str]]:
    data = parse_data(event.data)
    fields = [(name, data[name]) for name in _FIELDS if data.get(name) is not None]
    if data.get("tags") is not None:
        fields.append(("tags", msgspec.json.encode(data["tags"]).decode()))
    return fields


def _into(event: Event) -> str | None:
    into: str | None = parse_data(event.data).get("into")
    return into


def _columns(events: Sequence[ContactEvent]) -> tuple[list[int], list[str], list[bytes], list[object]]:
    return (
        [one.account_id for one in events],
        [one.event.subject for one in events],
        [one.event.key for one in events],
        [one.event.occurred_at for one in events],
    )
