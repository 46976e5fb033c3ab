"""Begins the purges that are due, reads their status, and says what a retention period would remove."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer.contact_state.identity_facts import KNOWS_ERASED
from consumer.infra.postgres.revision_lock import LOOK_UP_BY_KEY
from consumer.scoring import contact_keyset
from consumer.scoring.jobs import JobStatus, read_status
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from consumer.infra.postgres.connection import Connection

_SQL = queries("retention")
_CHUNK_CONTACTS = 2000


class UnknownPurgeError(Exception):
    """There is no purge with this number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeStatus(JobStatus):
    """The progress of a purge.

    state: `running`, `done` or `cancelled`. purged: entries that have lost their payload; most have gone.
    """

    horizon: datetime
    purged: int


@dataclass(frozen=True, slots=True)
class WouldPurge:
    """What a retention period would remove at once, or leave without payload: entries of so many contacts."""

    horizon: datetime
    entries: int
    contacts: int


async def begin_due(connection: Connection) -> list[int]:
    """Move the horizons of all accounts that are due, and return the numbers of the purges that have begun."""
    return [number for (number,) in await connection.fetch(_SQL["begin_due"], KNOWS_ERASED)]


async def preview(
    connection: Connection,
    account_id: int,
    retention: timedelta,
    *,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> WouldPurge:
    """Count what a retention period would remove at once. Calls `progress(done, total)` as contacts are counted."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute(LOOK_UP_BY_KEY)
        horizon = await connection.fetchval(
            _SQL["would_be_horizon"], account_id, int(retention.total_seconds())
        )
        total = await contact_keyset.count_all(connection, account_id)
        done = covered = entries = concerned = 0
        while covered < contact_keyset.LAST:
            contacts, covered = await contact_keyset.next_contacts(
                connection, account_id, after=covered, limit=_CHUNK_CONTACTS
            )
            whole = [
                count
                for _, _, count in await connection.fetch(_SQL["count_past"], account_id, contacts, horizon)
                if count
            ]
            entries += sum(whole)
            concerned += len(whole)
            done += len(contacts)
            progress(done, total)
        return WouldPurge(horizon, entries, concerned)


async def status(connection: Connection, number: int) -> PurgeStatus:
    """Return the progress of a purge; raises UnknownPurgeError."""
    unknown = UnknownPurgeError(f"there is no purge {number}")
    return await read_status(connection, _SQL["read"], number, status_type=PurgeStatus, unknown=unknown)
