"""Counts unmatched events by account and type, in memory, and flushes the counts outside the batches.

So they cost a batch nothing, and are approximate after a crash.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from sql import queries

if TYPE_CHECKING:
    from datetime import datetime

    from consumer.domain.model import Event
    from consumer.infra.clock import Clock
    from consumer.infra.postgres.connection import Connection

# Types of one account that are counted each by itself; the rest is counted as one.
MOST_TYPES = 1000


@dataclass(slots=True)
class _TypeCount:
    count: int
    first_seen_at: datetime
    last_seen_at: datetime
    sample: str
    # Of the sample.
    contact: str
    occurred_at: datetime


class UnmatchedInbox:
    """Unmatched events since the last flush, by account and type."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._counts: dict[tuple[int, str], _TypeCount] = {}
        self._flushing = asyncio.Lock()

    def add(self, account_id: int, event: Event) -> None:
        """Count one unmatched event; the first of its type is the sample."""
        now = self._clock.now()
        seen = self._counts.get((account_id, event.type))
        if seen is None:
            self._counts[account_id, event.type] = _TypeCount(
                1, now, now, _sample(event), event.subject, event.occurred_at
            )
        else:
            seen.count += 1
            seen.last_seen_at = now

    async def flush(self, connection: Connection) -> None:
        """Write the counts to the database; counts that could not be written are kept for the next flush.

        Without the samples of contacts that were deleted meanwhile (semantics 8.17). Waits for a flush under
        way: if that fails, this one writes what it had.
        """
        async with self._flushing:
            await self._flush(connection)

    async def _flush(self, connection: Connection) -> None:
        flushed, self._counts = self._counts, {}
        if not flushed:
            return
        try:
            await connection.execute(
                queries("inbox")["flush"],
                [account for account, _ in flushed],
                [event_type for _, event_type in flushed],
                [one.count for one in flushed.values()],
                [one.first_seen_at for one in flushed.values()],
                [one.last_seen_at for one in flushed.values()],
                [one.sample for one in flushed.values()],
                [one.contact for one in flushed.values()],
                [one.occurred_at for one in flushed.values()],
                MOST_TYPES,
            )
        except BaseException:
            self._put_back(flushed)
            raise

    def _put_back(self, flushed: dict[tuple[int, str], _TypeCount]) -> None:
        for key, older in flushed.items():
            newer = self._counts.get(key)
            if newer is not None:
                older.count += newer.count
                older.last_seen_at = newer.last_seen_at
            self._counts[key] = older


def _sample(event: Event) -> str:
    """Return the event as JSON text, `data` as it came."""
    sample = {
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "subject": event.subject,
        "time": event.occurred_at.isoformat(),
        "actorid": event.actor_id,
        "actortype": event.actor_type,
        "objectid": event.object_id,
        "data": msgspec.Raw(event.data.encode()),
    }
    return msgspec.json.encode({name: value for name, value in sample.items() if value is not None}).decode()
