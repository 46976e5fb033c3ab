"""Continues every publish and rejudgement that has not ended, in one worker of the installation at a time.

Also those that a crash interrupted. Never starts or cancels one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from consumer.infra.postgres.connection_keeper import ConnectionKeeper
from consumer.infra.postgres.errors import retry_reason
from consumer.infra.postgres.retry import retry_transient
from consumer.infra.wait import event_within, jittered
from consumer.scoring import profile_publish, rejudgement
from consumer.scoring.announce import RelayNotRunningError
from sql import queries

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Awaitable, Callable

    from consumer.infra.clock import Clock
    from consumer.infra.postgres.connection import Connection

log = structlog.get_logger(__name__)

# Key of the advisory lock: any fixed number.
_LOCK = 0x656E6761_0005


class BackgroundJobs:
    """Looks for unfinished jobs, unless another worker of the installation does."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        *,
        clock: Clock,
        every: float = 1.0,
        rest: float = 0.02,
    ) -> None:
        """In seconds: every: between two checks for jobs; rest: after each step, to let batches go first."""
        self._database = ConnectionKeeper(connect)
        self._clock = clock
        self._every = every
        self._rest = rest

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until `stopping` is set; a transient database error ends one check, others are raised."""
        try:
            while not await event_within(stopping, jittered(self._every)):
                try:
                    await self.run_once(stopping)
                except Exception as error:
                    if (reason := retry_reason(error)) is None:
                        raise
                    log.info("background jobs retried", reason=reason.value, error=str(error)[:200])
                    self._database.drop()
        finally:
            self._database.drop()

    async def run_once(self, stopping: asyncio.Event) -> None:
        """Carry every unfinished publish and rejudgement to its end, or until `stopping` is set."""
        connection = await self._database.get()
        # One worker at a time, not for correctness but so that batches get their rest after each step.
        if not await connection.fetchval(queries("maintenance")["lock"], _LOCK):
            return
        for number in await retry_transient(self._database, profile_publish.unfinished_publishes):
            await self._advance(
                "publish", profile_publish.run_publish(self._database, number, clock=self._clock), stopping
            )
        for number in await retry_transient(self._database, rejudgement.unfinished_rejudgements):
            await self._advance(
                "rejudgement",
                rejudgement.run_rejudgement(self._database, number, clock=self._clock),
                stopping,
            )

    async def _advance(
        self,
        what: str,
        work: AsyncIterator[profile_publish.PublishStatus] | AsyncIterator[rejudgement.RejudgementStatus],
        stopping: asyncio.Event,
    ) -> None:
        state = None
        try:
            async for status in work:
                if status.state != state:
                    state = status.state
                    log.info(what, number=status.id, account=status.account, state=state)
                if await event_within(stopping, self._rest):
                    return
        except RelayNotRunningError as error:
            log.warning("background job waits for a relay", work=what, error=str(error))
