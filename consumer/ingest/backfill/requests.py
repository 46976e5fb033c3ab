"""Begins and cancels backfills that workers carry out, and hands out their events. The work is in steps.py.

A request is audited in its transaction.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import msgspec

from consumer.catalog import audit
from consumer.domain.model import Event, Record
from consumer.ingest.backfill.run import batches
from consumer.ingest.batch import DecodedRecord
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from consumer.infra.postgres.connection import Connection
    from consumer.ingest.backfill.sorted_events import SortedEvents

_SQL = queries("backfill")
# Of an account: each may have thousands of events.
MOST_UNFINISHED: Final = 20

_pack: Final = msgspec.msgpack.Encoder().encode
_unpack: Final = msgspec.msgpack.Decoder(list[tuple[Event, Record]]).decode


class TooManyBackfillsError(Exception):
    """The account has many backfills that have not ended: wait for them, or cancel some."""


class BackfillEndedError(Exception):
    """The backfill has ended: there is nothing to cancel."""


async def begin_with_events(
    connection: Connection, account: str, account_id: int, events: SortedEvents, *, with_xp: bool, by: str
) -> int:
    """Begin a backfill of these events and return its number. Raises TooManyBackfillsError."""
    async with connection.transaction():
        number = await _begin(connection, account, account_id, with_xp=with_xp, by=by, events=len(events))
        await add_batches(connection, number, events)
    return number


async def begin_from_topics(
    connection: Connection,
    account: str,
    account_id: int,
    *,
    since: datetime,
    types: Sequence[str] | None,
    with_xp: bool,
    by: str,
) -> int:
    """Begin a backfill that reads the input topics again and return its number. Raises TooManyBackfillsError."""
    async with connection.transaction():
        return await _begin(connection, account, account_id, with_xp=with_xp, by=by, since=since, types=types)


async def _begin(
    connection: Connection,
    account: str,
    account_id: int,
    *,
    with_xp: bool,
    by: str,
    since: datetime | None = None,
    types: Sequence[str] | None = None,
    events: int = 0,
) -> int:
    if await connection.fetchval(_SQL["unfinished"], account_id, MOST_UNFINISHED):
        raise TooManyBackfillsError(
            f"the account has {MOST_UNFINISHED} backfills that have not ended: wait for them, or cancel some"
        )
    number: int = await connection.fetchval(_SQL["begin"], account_id, with_xp, by, since, types, events)
    after = {"xp": with_xp, "since": since.isoformat() if since else None, "types": types, "events": events}
    change = audit.AuditedChange("begun", "backfill", str(number), after=after)
    await audit.record_changes(connection, account, by, change)
    return number


async def cancel(connection: Connection, account: str, number: int, *, by: str) -> None:
    """Cancel a backfill: what is applied stays. Raises BackfillEndedError."""
    async with connection.transaction():
        if await connection.fetchval(_SQL["finish"], number, "cancelled") is None:
            raise BackfillEndedError("it has ended: there is nothing to cancel")
        await audit.record_changes(
            connection, account, by, audit.AuditedChange("cancelled", "backfill", str(number))
        )


async def add_batches(connection: Connection, number: int, events: SortedEvents) -> None:
    """Add events to a backfill, in the batches in which they are to be committed."""
    packed = await asyncio.to_thread(lambda: [pack(batch) for batch in batches(events)])
    await connection.execute(_SQL["add_batches"], number, packed)


def pack(batch: Iterable[DecodedRecord]) -> bytes:
    """Return the stored form of a batch."""
    return _pack([(one.content, one.record) for one in batch])


def unpack(stored: bytes) -> list[DecodedRecord]:
    """Return a batch from its stored form."""
    return [DecodedRecord(record, event) for event, record in _unpack(stored)]
