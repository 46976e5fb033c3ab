"""Takes a step of a backfill of each account, round after round, in every worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from aiokafka.errors import KafkaError

from consumer.infra.postgres.connection_keeper import ConnectionKeeper
from consumer.infra.postgres.errors import retry_reason
from consumer.ingest.backfill.run import PAUSE
from consumer.ingest.backfill.steps import BackfillSteps, NotOurTurnError, due_backfills, record_failure
from consumer.scoring.announce import OutboxWatch, RelayNotRunningError
from consumer.worker import rounds

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

    from consumer.infra.clock import Clock
    from consumer.infra.postgres.connection import Connection
    from consumer.infra.settings import Settings

log = structlog.get_logger(__name__)


class BackfillJobs:
    """Carries out backfills that were requested over HTTP."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        settings: Settings,
        *,
        clock: Clock,
        every: float = 1.0,
        pause: float = PAUSE,
    ) -> None:
        """every: seconds between two looks for backfills. pause: after a step, by the time that it took."""
        self._database = ConnectionKeeper(connect)
        self._steps = BackfillSteps(connect, settings)
        self._clock = clock
        self._every = every
        self._pause = pause
        self._outbox = OutboxWatch(clock)

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until `stopping` is set; a transient error of the database ends one round, others are raised."""
        try:
            await rounds.work_in_rounds(
                "backfills retried", self.round, stopping, database=self._database, every=self._every
            )
        finally:
            self.close()

    def close(self) -> None:
        """Drop the connections."""
        self._database.drop()
        self._steps.close()

    async def round(self, stopping: asyncio.Event) -> bool:
        """Take a step of a backfill of each account; return whether any has got on."""
        got_on = False
        for due in await due_backfills(await self._database.get()):
            if stopping.is_set() or not await self._has_room():
                return False
            began = self._clock.monotonic()
            if await self._take(due.number):
                got_on = True
                await rounds.rest(stopping, self._clock, began, factor=self._pause)
        return got_on

    async def _has_room(self) -> bool:
        try:
            return await self._outbox.has_room(await self._database.get())
        except RelayNotRunningError as error:
            log.warning("backfill waits for a relay", error=str(error))
            return False

    async def _take(self, number: int) -> bool:
        try:
            state = await self._steps.take(number)
        except NotOurTurnError:
            return False
        except Exception as error:
            self._steps.close()
            if retry_reason(error) is not None and not isinstance(error, KafkaError | TimeoutError):
                raise
            # Whatever is wrong with one, the others go on.
            log.exception("backfill failed, to be tried again", number=number)
            await record_failure(await self._database.get(), number, error)
            return False
        if state is not None:
            log.info("backfill", number=number, state=state)
        return True
