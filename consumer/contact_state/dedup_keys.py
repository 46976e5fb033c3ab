"""Reads and writes dedup keys, and reads the entries that decide about new events of theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import msgspec

from consumer.domain.dedup_key import KeyState, StoredEntry
from consumer.infra.postgres.column_params import numbers, places, texts, truths
from schemas.vocabulary import Per
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from consumer.infra.postgres.connection import Connection
    from consumer.infra.postgres.writes import Executes

_SQL = queries("dedup_keys")


# Contact, definition, edition, and the object where the edition is per object; '' else, and for events without one.
# A plain tuple, since a batch makes one for each entry.
DedupKey: TypeAlias = tuple[int, int, int, str]
Place: TypeAlias = tuple[int, int]
# The edition of carried counts: of entries that a purge has removed (docs/semantics.md, 8.41).
CARRIED = 0


class StoredKey(msgspec.Struct, gc=False):
    """The state of a key, and where its row is (ctid); place: None where there is no row yet."""

    state: KeyState
    place: Place | None = None


class Span(msgspec.Struct, gc=False):
    """Entries of a key to be read, from `since` to `until`, both included."""

    account_id: int
    key: DedupKey
    per: Per
    since: datetime
    until: datetime


async def read(connection: Connection, keys: Sequence[DedupKey]) -> dict[DedupKey, StoredKey]:
    """Return those of the keys that are stored."""
    rows = await connection.fetch(
        _SQL["read"],
        *_key_columns(keys),
    )
    return {
        keys[number - 1]: StoredKey(_state(count, last_at, last_key, last_fixed_at), place)
        for number, count, last_at, last_key, last_fixed_at, place in rows
    }


async def read_fixed_points(connection: Connection, spans: Sequence[Span]) -> list[datetime | None]:
    """Return for each span when an entry of the key's older editions has counted last in it."""
    found: list[datetime | None] = [None for _ in spans]
    numbers_of = _Numbers(spans)
    rows = await connection.fetch(_SQL["counted_before"], *_columns(spans), *_times(spans))
    for contact, definition, edition, object_key, last_at in rows:
        number = numbers_of.key(contact, definition, object_key)
        if edition < spans[number].key[2]:
            known = found[number]
            found[number] = last_at if known is None else max(known, last_at)
    return found


async def read_entries(connection: Connection, spans: Sequence[Span]) -> list[list[StoredEntry]]:
    """Return the entries of each span: those of the key's edition, and what has counted under older ones."""
    found: list[list[StoredEntry]] = [[] for _ in spans]
    numbers_of = _Numbers(spans)
    rows = await connection.fetch(_SQL["stored_entries"], *_columns(spans), *_times(spans))
    for (
        contact,
        definition,
        object_key,
        occurred_at,
        event_key,
        edition,
        settled,
        is_counted,
        xp_worth,
        credit_number,
    ) in rows:
        number = numbers_of.key(contact, definition, object_key)
        span = spans[number]
        if edition <= span.key[2] and span.since <= occurred_at <= span.until:
            found[number].append(
                StoredEntry((occurred_at, event_key), edition, settled, is_counted, xp_worth, credit_number)
            )
    return found


async def write(
    writes: Executes,
    new: Sequence[tuple[DedupKey, KeyState]],
    changed: Sequence[tuple[Place, KeyState]] = (),
) -> None:
    """Store new keys, and the new states of stored ones at their places."""
    states = [state for _, state in new]
    states_now = [state for _, state in changed]
    await writes.execute(
        _SQL["write"],
        *_key_columns([key for key, _ in new]),
        *_state_columns(states),
        places([place for place, _ in changed]),
        *_state_columns(states_now),
    )


async def of_definitions(
    connection: Connection, contacts: Sequence[int], definitions: Sequence[int]
) -> dict[DedupKey, StoredKey]:
    """Return the keys of these definitions of these contacts, of all editions, carried counts included."""
    rows = await connection.fetch(_SQL["of_definitions"], contacts, definitions)
    return {
        (contact, definition, edition, object_key): StoredKey(
            _state(count, last_at, last_key, last_fixed_at), place
        )
        for contact, definition, edition, object_key, count, last_at, last_key, last_fixed_at, place in rows
    }


def carried_by(came_by: int | None) -> str:
    """Return the object of carried counts of entries that came by another id, or (None) by the contact's own."""
    return "" if came_by is None else str(came_by)


async def delete(connection: Connection, contacts: Sequence[int], definition_id: int) -> None:
    """Delete the keys of a definition of these contacts."""
    await connection.execute(_SQL["delete"], contacts, definition_id)


def _state(count: int, last_at: datetime | None, last_key: bytes, last_fixed_at: datetime | None) -> KeyState:
    return KeyState(count, None if last_at is None else (last_at, last_key), last_fixed_at)


class _Numbers:
    """The places of spans in a sequence, by the columns of an entry. Of a key there is one span."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self._by_object: dict[tuple[int, int, str], int] = {}
        self._by_contact: dict[tuple[int, int], int] = {}
        for number, span in enumerate(spans):
            contact, definition, _, object_key = span.key
            if span.per is Per.OBJECT:
                self._by_object[contact, definition, object_key] = number
            else:
                self._by_contact[contact, definition] = number

    def key(self, contact: int, definition: int, object_key: str) -> int:
        """Return the place of the span whose key an entry belongs to."""
        number = self._by_contact.get((contact, definition))
        return self._by_object[contact, definition, object_key] if number is None else number


def _columns(spans: Sequence[Span]) -> tuple[str, ...]:
    contacts, definitions, editions, object_keys = _key_columns([span.key for span in spans])
    return contacts, definitions, editions, truths([span.per is Per.OBJECT for span in spans]), object_keys


def _times(spans: Sequence[Span]) -> tuple[str, str, list[datetime], list[datetime]]:
    """Return the spans' times as columns, without their overlaps: no entry is read twice."""
    by_contact: dict[tuple[int, int], list[tuple[datetime, datetime]]] = {}
    for span in sorted(spans, key=lambda span: span.since):
        times = by_contact.setdefault((span.account_id, span.key[0]), [])
        if times and span.since <= times[-1][1]:
            times[-1] = times[-1][0], max(times[-1][1], span.until)
        else:
            times.append((span.since, span.until))
    apart = [(*contact, *time) for contact, times in by_contact.items() for time in times]
    return (
        numbers([account for account, _, _, _ in apart]),
        numbers([contact for _, contact, _, _ in apart]),
        [since for _, _, since, _ in apart],
        [until for _, _, _, until in apart],
    )


def _key_columns(keys: Sequence[DedupKey]) -> tuple[str, str, str, str]:
    return (
        numbers([contact for contact, _, _, _ in keys]),
        numbers([definition for _, definition, _, _ in keys]),
        numbers([edition for _, _, edition, _ in keys]),
        texts([object_key for _, _, _, object_key in keys]),
    )


def _state_columns(
    states: Sequence[KeyState],
) -> tuple[str, list[datetime | None], list[bytes | None], list[datetime | None]]:
    return (
        numbers([state.count for state in states]),
        [state.last_counted[0] if state.last_counted else None for state in states],
        [state.last_counted[1] if state.last_counted else None for state in states],
        [state.last_fixed_at for state in states],
    )
