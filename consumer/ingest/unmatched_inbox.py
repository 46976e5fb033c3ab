"""The inbox of unknown events: which types arrive that no definition takes, counted by account.

Owns counting them in memory and writing the counts down now and then, outside the batches: they are
approximate after a crash, and cost a batch nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from sql import queries

if TYPE_CHECKING:
    from datetime import datetime

    from consumer.domain.model import Event
    from consumer.infra.clock import Clock
    from consumer.infra.postgres.connection import Connection

# Types of one account that are told apart; the rest is counted as one.
MOST_TYPES = 1000


@dataclass(slots=True)
class _Unknown:
    count: int
    first_seen_at: datetime
    last_seen_at: datetime
    sample: str


class Inbox:
    """Unknown events since the last flush, by account and type."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._unknown: dict[tuple[int, str], _Unknown] = {}

    def add(self, account_id: int, event: Event) -> None:
        """Count one unknown event; the first of its type is the sample."""
        now = self._clock.now()
        seen = self._unknown.get((account_id, event.type))
        if seen is None:
            self._unknown[account_id, event.type] = _Unknown(1, now, now, _sample(event))
        else:
            seen.count += 1
            seen.last_seen_at = now

    async def flush(self, connection: Connection) -> None:
        """Write the counts down; what could not be written is kept for the next time."""
        flushed, self._unknown = self._unknown, {}
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
                MOST_TYPES,
            )
        except BaseException:
            self._put_back(flushed)
            raise

    def _put_back(self, flushed: dict[tuple[int, str], _Unknown]) -> None:
        for key, older in flushed.items():
            newer = self._unknown.get(key)
            if newer is not None:
                older.count += newer.count
                older.last_seen_at = newer.last_seen_at
            self._unknown[key] = older


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
