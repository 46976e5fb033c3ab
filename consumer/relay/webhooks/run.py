"""Runs the webhooks of a process, beside its relay, until it stops."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from consumer.infra.postgres.errors import retry_reason
from consumer.infra.telemetry.repeated_lines import RepeatedLines
from consumer.infra.wait import event_within
from consumer.relay.webhooks.deliver import Deliveries, lent
from consumer.relay.webhooks.enqueue import follow_outbox, look_for_ended_jobs
from sql import queries

if TYPE_CHECKING:
    from consumer.infra.clock import Clock
    from consumer.infra.postgres.connection import Pool
    from consumer.infra.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

_SQL: Final = queries("webhooks")
# Seconds: from one look at the outbox to the next, at ended jobs, and at the log of deliveries.
_EVERY: Final = 0.5
_JOBS_EVERY: Final = 2.0
_LOG_EVERY: Final = 30.0
# Of the log of each webhook: the newest deliveries that are kept; rows that are deleted at once.
KEPT_DELIVERIES: Final = 10_000
_FORGOTTEN: Final = 5_000
# Seconds for messages on their way to arrive after SIGTERM.
_DRAIN_SECONDS: Final = 3.0


class Webhooks:
    """Enqueues and sends.

    log_days: days for which deliveries that have ended are kept; 0: for ever, within their number.
    """

    def __init__(self, pool: Pool, *, private: bool, log_days: int, metrics: Metrics, clock: Clock) -> None:
        self._pool = pool
        self._log_days = log_days
        self._metrics = metrics
        self._clock = clock
        self._deliveries = Deliveries(pool, private=private, metrics=metrics)
        self._repeated = RepeatedLines(clock.monotonic)
        self._jobs_at = self._log_at = float("-inf")

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until `stopping` is set; errors of the database that pass are logged, others are raised.

        A database that is frozen then is waited for for some seconds, and not at all after a cancellation.
        """
        working = asyncio.create_task(self._work(stopping), name="webhooks")
        ending = asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait([working, ending], return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait([working], timeout=_DRAIN_SECONDS)
            if working.done():
                await working
                await self._deliveries.drained(_DRAIN_SECONDS)
        finally:
            ending.cancel()
            # Before what waits for an answer on it is cancelled: giving the connection back would wait again.
            self._pool.terminate()
            working.cancel()
            await self._deliveries.drained(0)
            await asyncio.wait([working])

    async def _work(self, stopping: asyncio.Event) -> None:
        # A transaction that is cancelled on a closed connection raises the error of that instead.
        while not (stopping.is_set() or self._pool.is_closing()):
            more = False
            try:
                more = await self.round()
            except Exception as error:
                if retry_reason(error) is None:
                    raise
                self._repeated.warn(log, "webhooks wait for the database", error=repr(error)[:200])
            if not more:
                await event_within(stopping, _EVERY)

    async def round(self) -> bool:
        """Enqueue what has come, begin to send what is due; return whether there is more at once."""
        now = self._clock.monotonic()
        async with lent(self._pool) as connection:
            more = await follow_outbox(connection)
            if now - self._jobs_at >= _JOBS_EVERY:
                self._jobs_at = now
                await look_for_ended_jobs(connection)
            if now - self._log_at >= _LOG_EVERY:
                self._log_at = now
                if self._log_days:
                    await connection.execute(_SQL["forget"], self._log_days, _FORGOTTEN)
                await connection.execute(_SQL["forget_more"], KEPT_DELIVERIES, _FORGOTTEN)
                self._metrics.webhooks_paused.set(await connection.fetchval(_SQL["paused"]))
        await self._deliveries.begin_due()
        return more
