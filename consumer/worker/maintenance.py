"""Maintenance: what has to be made ahead and what has to go, done slowly in the background by one worker at a time.

Owns the months of the timeline ahead, and the claims past their window. Never touches what anybody waits for: each
step is a transaction of milliseconds, and it rests ten times as long as a step took. (Published outbox rows go with
the relay's floor, in relay.py.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from consumer.infra.postgres.connection_keeper import ConnectionKeeper
from consumer.infra.postgres.errors import retry_reason
from consumer.infra.wait import event_within, jittered
from consumer.ingest import timeline_partitions as months
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
# Any fixed number.
_LOCK = 0x656E6761_0004
# This month, and so many after it.
_MONTHS_AHEAD = 2
# Measured: 64 pages hold about 7,700 claims; 1 ms to read them, 4 to 7 ms to remove them all.
_PAGES = 64
# Of the time of upkeep at most a tenth is work; the least pause, in seconds.
_REST = 10
_LEAST_REST = 0.02


@dataclass(frozen=True, slots=True)
class MaintenanceRound:
    """What a round did."""

    months: int
    claims: int


class Maintenance:
    """Does a round of upkeep every few hours, unless another worker of the installation does."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        *,
        claim_window: timedelta,
        clock: Clock,
        every: float = 6 * 3600.0,
        retry: float = 60.0,
        rest: float = _LEAST_REST,
    ) -> None:
        """Take how to connect, and in seconds: from round to round, until another try, the least pause."""
        self._database = ConnectionKeeper(connect, _limit_lock_waits)
        self._claim_window = claim_window
        self._clock = clock
        self._every = every
        self._retry = retry
        self._rest = rest

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until `stopping` is set; whoever holds the lock keeps it until then, or until its connection dies.

        Passing errors of the database end a round, not the upkeep; raises every other error.
        """
        wait = self._retry / 10
        try:
            while not await event_within(stopping, jittered(wait)):
                try:
                    done = await self.round(stopping)
                except Exception as error:
                    if (reason := retry_reason(error)) is None:
                        raise
                    log.info("upkeep tries again", reason=reason.value, error=str(error)[:200])
                    self._database.drop()
                    wait = self._retry
                else:
                    wait = self._retry if done is None else self._every
        finally:
            self._database.drop()

    async def round(self, stopping: asyncio.Event) -> MaintenanceRound | None:
        """Do everything once; None where another worker does it. Cut short when `stopping` is set."""
        connection = await self._database.get()
        if not await connection.fetchval(_SQL["lock"], _LOCK):
            return None
        created = await self._create_months(connection)
        forgotten = await self._forget_claims(connection, stopping)
        log.info("upkeep", months_created=created, claims_forgotten=forgotten)
        return MaintenanceRound(created, forgotten)

    async def _create_months(self, connection: Connection) -> int:
        before = await months.create(connection, set())
        now = self._clock.now()
        return len(await months.create(connection, months_ahead(now.year, now.month)) - before)

    async def _forget_claims(self, connection: Connection, stopping: asyncio.Event) -> int:
        """Walk over the claims, page by page, and remove those past their window."""
        pages = await connection.fetchval(_SQL["claims_pages"])
        forgotten = 0
        for first in range(0, pages, _PAGES):
            began = self._clock.monotonic()
            status = await connection.execute(
                _SQL["forget_claims"], (first, 0), (first + _PAGES, 0), self._claim_window
            )
            forgotten += int(status.removeprefix("DELETE "))
            took = self._clock.monotonic() - began
            if await event_within(stopping, max(self._rest, _REST * took)):
                break
        return forgotten


def months_ahead(year: int, month: int) -> set[Month]:
    """Return a month and those that have to be there before they begin."""
    first = year * 12 + month - 1
    return {(number // 12, number % 12 + 1) for number in range(first, first + _MONTHS_AHEAD + 1)}


async def _limit_lock_waits(connection: Connection) -> None:
    # Whoever it meets is more urgent.
    await connection.execute("set lock_timeout = 200")
