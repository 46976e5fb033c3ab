"""Creates the timeline's next partitions, drops those that purges have emptied, and deletes what is past its time.

In one worker at a time.

Each step is a transaction of milliseconds, followed by a rest of ten times its duration, so that batches do not
wait. (Published outbox rows are deleted by the relay, in relay/shard_publisher.py.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from consumer.infra.postgres.connection import affected_rows
from consumer.infra.postgres.connection_keeper import ConnectionKeeper
from consumer.infra.postgres.errors import retry_reason
from consumer.infra.wait import event_within, jittered
from consumer.ingest import timeline_partitions
from consumer.worker import rounds
from sql import queries

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable
    from datetime import timedelta

    from consumer.infra.clock import Clock
    from consumer.infra.postgres.connection import Connection
    from consumer.ingest.timeline_partitions import Month

log = structlog.get_logger(__name__)

_SQL = queries("maintenance")
# Key of the advisory lock: any fixed number.
_LOCK = 0x656E6761_0004
# Partitions for this month and so many after it.
_MONTHS_AHEAD = 2
# Pages of claims per step. Measured: 64 pages hold about 7,700 claims; 1 ms to read, 4 to 7 ms to delete all.
_PAGES = 64
# Pages of the inbox per step. Measured: 8 pages hold 160 to 700 samples; 4 to 45 ms to take all away.
_INBOX_PAGES = 8
# Dead letters per step. Measured: 1 to 3 ms for letters of up to 20 KB, 80 ms for some of 1 MB.
_LETTERS = 20
# Sessions of the console per step. Measured: 3 to 7 ms.
_SESSIONS = 1000
# Rest after a step: so many times its duration, at least so many seconds.
_REST_FACTOR = 10
_LEAST_REST = 0.02


@dataclass(frozen=True, slots=True)
class Kept:
    """How long rows are kept; None: for ever.

    claims: after they were applied. dead_letters: after they were recorded. samples: of the inbox, after they were
    taken. ignored_events: after they came.
    """

    claims: timedelta
    dead_letters: timedelta | None
    samples: timedelta | None
    ignored_events: timedelta | None = None


@dataclass(frozen=True, slots=True)
class MaintenanceRound:
    """The result of a round: partitions created and dropped, samples taken, and what else was deleted."""

    months: int
    dropped: int
    claims: int
    dead_letters: int
    samples: int
    ignored_events: int = 0
    sessions: int = 0


class Maintenance:
    """Runs a round every few hours, unless another worker of the installation does."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        *,
        kept: Kept,
        clock: Clock,
        every: float = 6 * 3600.0,
        retry: float = 60.0,
        rest: float = _LEAST_REST,
    ) -> None:
        """In seconds: every: between rounds; retry: after an error or without the lock; rest: least after steps."""
        self._database = ConnectionKeeper(connect, _limit_lock_waits)
        self._kept = kept
        self._clock = clock
        self._every = every
        self._retry = retry
        self._rest = rest

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until `stopping` is set; the lock is kept until then, or until the connection ends.

        A transient database error ends one round; every other error is raised.
        """
        wait = self._retry / 10
        try:
            while not await event_within(stopping, jittered(wait)):
                try:
                    done = await self.round(stopping)
                except Exception as error:
                    if (reason := retry_reason(error)) is None:
                        raise
                    log.info("maintenance retried", reason=reason.value, error=str(error)[:200])
                    self._database.drop()
                    wait = self._retry
                else:
                    wait = self._retry if done is None else self._every
        finally:
            self._database.drop()

    async def round(self, stopping: asyncio.Event) -> MaintenanceRound | None:
        """Do everything once, until `stopping` is set; return None if another worker has the lock."""
        connection = await self._database.get()
        if not await connection.fetchval(_SQL["lock"], _LOCK):
            return None
        created = await self._create_months(connection)
        claims = await self._forget_by_pages(connection, "claims", _PAGES, self._kept.claims, stopping)
        dead_letters = await self._forget_dead_letters(connection, stopping)
        samples = await self._forget_by_pages(
            connection, "samples", _INBOX_PAGES, self._kept.samples, stopping
        )
        ignored = await self._forget_by_pages(
            connection, "ignored_events", _PAGES, self._kept.ignored_events, stopping
        )
        sessions = await self._forget_sessions(connection, stopping)
        # Last, since batches may keep it from the lock.
        dropped = len(await timeline_partitions.drop_empty(connection))
        log.info(
            "maintenance done",
            months_created=created,
            months_dropped=dropped,
            claims_forgotten=claims,
            dead_letters_forgotten=dead_letters,
            samples_forgotten=samples,
            ignored_events_forgotten=ignored,
            sessions_forgotten=sessions,
        )
        return MaintenanceRound(created, dropped, claims, dead_letters, samples, ignored, sessions)

    async def _create_months(self, connection: Connection) -> int:
        before = await timeline_partitions.create(connection, set())
        now = self._clock.now()
        return len(await timeline_partitions.create(connection, months_ahead(now.year, now.month)) - before)

    async def _forget_by_pages(
        self, connection: Connection, what: str, pages: int, kept: timedelta | None, stopping: asyncio.Event
    ) -> int:
        """Forget claims, samples or ignored events that are past their time, so many pages of a table at a time."""
        if kept is None:
            return 0
        forgotten = 0
        for first in range(0, await connection.fetchval(_SQL[f"{what}_pages"]), pages):
            began = self._clock.monotonic()
            status = await connection.execute(_SQL[f"forget_{what}"], (first, 0), (first + pages, 0), kept)
            forgotten += affected_rows(status)
            if await self._rested(began, stopping):
                break
        return forgotten

    async def _forget_dead_letters(self, connection: Connection, stopping: asyncio.Event) -> int:
        """Delete the dead letters that are past their time, the oldest first, some at a time."""
        kept = self._kept.dead_letters
        last: int | None = None if kept is None else 0
        forgotten = 0
        while last is not None:
            began = self._clock.monotonic()
            [(deleted, last)] = await connection.fetch(_SQL["forget_dead_letters"], last, _LETTERS, kept)
            forgotten += deleted
            if await self._rested(began, stopping):
                break
        return forgotten

    async def _forget_sessions(self, connection: Connection, stopping: asyncio.Event) -> int:
        """Delete the sessions of the console that have expired, some at a time."""
        forgotten = 0
        while True:
            began = self._clock.monotonic()
            deleted = affected_rows(await connection.execute(_SQL["forget_console_sessions"], _SESSIONS))
            forgotten += deleted
            if await self._rested(began, stopping) or deleted < _SESSIONS:
                return forgotten

    async def _rested(self, began: float, stopping: asyncio.Event) -> bool:
        return await rounds.rest(stopping, self._clock, began, factor=_REST_FACTOR, least=self._rest)


def months_ahead(year: int, month: int) -> set[Month]:
    """Return a month and the next ones, whose partitions are created ahead."""
    first = year * 12 + month - 1
    return {(number // 12, number % 12 + 1) for number in range(first, first + _MONTHS_AHEAD + 1)}


async def _limit_lock_waits(connection: Connection) -> None:
    # Maintenance yields: a batch that holds the lock is more urgent.
    await connection.execute("set lock_timeout = 200")
