"""Goes on with every publish, and every history judged again, that has not ended; in one worker at a time.

Owns that what was asked for, or left by a crash, comes to its end without anybody's doing. Never begins or cancels
anything.
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

# Any fixed number.
_LOCK = 0x656E6761_0005


class BackgroundJobs:
    """Looks for work to go on with, unless another worker of the installation does."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        *,
        clock: Clock,
        every: float = 1.0,
        rest: float = 0.02,
    ) -> None:
        """Take how to connect, and in seconds: from look to look, and how long batches go first after a step."""
        self._database = ConnectionKeeper(connect)
        self._clock = clock
        self._every = every
        self._rest = rest

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until `stopping` is set; passing errors of the database end a look, not the work."""
        try:
            while not await event_within(stopping, jittered(self._every)):
                try:
                    await self.run_once(stopping)
                except Exception as error:
                    if (reason := retry_reason(error)) is None:
                        raise
                    log.info("publishing tries again", reason=reason.value, error=str(error)[:200])
                    self._database.drop()
        finally:
            self._database.drop()

    async def run_once(self, stopping: asyncio.Event) -> None:
        """Bring every publish there is to its end; cut short when `stopping` is set."""
        connection = await self._database.get()
        # Not for the scores' sake, which several would agree on: batches get their rest from one.
        if not await connection.fetchval(queries("maintenance")["lock"], _LOCK):
            return
        for number in await retry_transient(self._database, profile_publish.unfinished_publishes):
            await self._advance(
                "publish", profile_publish.run_publish(self._database, number, clock=self._clock), stopping
            )
        for number in await retry_transient(self._database, rejudgement.unfinished_rejudgements):
            await self._advance(
                "judging again",
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
            async for stands in work:
                if stands.state != state:
                    state = stands.state
                    log.info(what, number=stands.id, account=stands.account, state=state)
                if await event_within(stopping, self._rest):
                    return
        except RelayNotRunningError as error:
            log.warning("waits for the relay", work=what, error=str(error))
