"""Contacts: what `contact.*` events say of them.

Owns the statements on their fields, merges and deletions. Never judges anything; merges and deletions
are recorded here as received.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from schemas.names import CONTACT_DELETED, CONTACT_MERGED, CONTACT_UPSERTED
from schemas.numbers import parse_data
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.domain.model import Event
    from consumer.infra.postgres.connection import Connection

_FIELDS = ("name", "email", "phone", "owner", "url")
_SQL = queries("batch")


@dataclass(frozen=True, slots=True)
class ContactEvent:
    """One of the three `contact.` events, in an account whose module is on."""

    account_id: int
    event: Event


async def record(connection: Connection, told: Sequence[ContactEvent]) -> None:
    """Fold what `contact.*` events say into the contacts; those upserted must be there."""
    await _record_fields(connection, [one for one in told if one.event.type == CONTACT_UPSERTED])
    merges = [one for one in told if one.event.type == CONTACT_MERGED]
    if merges:
        await connection.execute(
            _SQL["contact_merges"], *_columns(merges), [_into(one.event) for one in merges]
        )
    deletions = [one for one in told if one.event.type == CONTACT_DELETED]
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
    said = [(name, data[name]) for name in _FIELDS if data.get(name) is not None]
    if data.get("tags") is not None:
        said.append(("tags", msgspec.json.encode(data["tags"]).decode()))
    return said


def _into(event: Event) -> str | None:
    into: str | None = parse_data(event.data).get("into")
    return into


def _columns(told: Sequence[ContactEvent]) -> tuple[list[int], list[str], list[bytes], list[object]]:
    return (
        [one.account_id for one in told],
        [one.event.subject for one in told],
        [one.event.key for one in told],
        [one.event.occurred_at for one in told],
    )
