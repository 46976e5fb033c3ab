"""Gives every job that has not ended its turn, account by account, also those that a crash interrupted.

All workers of the installation do so at once; each account is served by one of them at a time, each job too. What a
job waits for, or fails from, never holds up the next one. Never starts or cancels a job.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from consumer.infra.postgres.connection_keeper import ConnectionKeeper
from consumer.infra.postgres.errors import is_time_out, retry_reason
from consumer.scoring import jobs
from consumer.scoring.announce import OutboxWatch, RelayNotRunningError
from consumer.scoring.jobs import Turns, WaitsFor
from consumer.scoring.profile_publish import PUBLISHES
from consumer.scoring.rejudgement import REJUDGEMENTS
from consumer.scoring.retention import PURGES
from consumer.worker import rounds
from consumer.worker.step_size import StepSize
from schemas.vocabulary import RetryReason

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

    from consumer.infra.clock import Clock
    from consumer.infra.postgres.connection import Connection
    from consumer.scoring.jobs import Awaited, Job, Step

log = structlog.get_logger(__name__)

KINDS = (PUBLISHES, REJUDGEMENTS, PURGES)
# Of an error, what is logged where it passes by itself.
_SHOWN_CHARACTERS = 200
# While records wait, jobs have a tenth of the time: else one account's publish costs the others a third of their
# throughput on a database with few processors.
_REST_BESIDE_BACKLOG = 9.0


class _Progress:
    """What this worker knows of a job: contacts in a step, how often it has tried to flip, what it waits for."""

    def __init__(self, job: Job) -> None:
        self.size = StepSize(job.kind.contacts_per_step)
        self.attempts = 0
        self.awaited: Awaited | None = None


class BackgroundJobs:
    """Takes one step of a job of each account, round after round."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        *,
        clock: Clock,
        every: float = 1.0,
        rest: float = 0.005,
        has_backlog: Callable[[], bool] = lambda: False,
    ) -> None:
        """In seconds: every: between two checks for jobs; rest: least after each step, for batches to go first.

        has_backlog: whether records wait that this process has not kept up with.
        """
        self._clock = clock
        self._database = ConnectionKeeper(connect)
        self._every = every
        self._rest = rest
        self._has_backlog = has_backlog
        self._turns = Turns()
        self._progress: dict[Job, _Progress] = {}
        self._outbox = OutboxWatch(clock)

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until `stopping` is set; a transient error of the database ends one round, others are raised."""
        await rounds.work_in_rounds(
            "background jobs retried", self.round, stopping, database=self._database, every=self._every
        )

    async def round(self, stopping: asyncio.Event) -> bool:
        """Take one step for each account that has jobs; return whether any job has got on.

        Of an account's jobs the first takes it that need not wait.
        """
        due = await jobs.due_jobs(await self._database.get(), KINDS)
        self._progress = {job: self._progress[job] for job in due if job in self._progress}
        got_on = False
        for of_account in self._turns.order(due):
            for job in of_account:
                if stopping.is_set():
                    return False
                began = self._clock.monotonic()
                if await self._take_turn(job):
                    got_on = True
                    factor = job.kind.rest_factor
                    if self._has_backlog():
                        factor = max(factor, _REST_BESIDE_BACKLOG)
                    await rounds.rest(stopping, self._clock, began, factor=factor, least=self._rest)
                    break
        return got_on

    def close(self) -> None:
        """Drop the connection."""
        self._database.drop()

    async def _take_turn(self, job: Job) -> bool:
        """Take a step and return whether the job has got on."""
        progress = self._progress.setdefault(job, _Progress(job))
        connection = await self._database.get()
        # Before the step: if that ends the round, the next one begins after this job.
        self._turns.had(job)
        try:
            step = await jobs.take_step(
                *(connection, job.kind, job.number),
                contacts=progress.size.contacts,
                attempt=progress.attempts,
                awaited=progress.awaited,
            )
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one job, the others go on
            await self._note_error(job, progress, error)
            return False
        progress.awaited = step.awaited
        if step.new_state is not None:
            log.info(job.kind.name, number=job.number, state=step.new_state)
        if step.waits_for is None:
            progress.attempts = 0
            progress.size.succeeded()
            return True
        await self._note_wait(job, progress, step)
        return False

    async def _note_wait(self, job: Job, progress: _Progress, step: Step) -> None:
        progress.attempts += step.waits_for is WaitsFor.CONFIGURATION
        if step.waits_for is WaitsFor.RELAY:
            try:
                await self._outbox.has_room(await self._database.get())
            except RelayNotRunningError as error:
                log.warning("background job waits for a relay", work=job.kind.name, error=str(error))

    async def _note_error(self, job: Job, progress: _Progress, error: Exception) -> None:
        """Let the job try again: at once where the error passes, with fewer contacts, or after a while.

        Raises the error if it is the connection's, which no job gets on without.
        """
        self._database.drop()
        about = {"work": job.kind.name, "number": job.number}
        reason = retry_reason(error)
        if is_time_out(error) and progress.size.contacts > 1:
            progress.size.timed_out()
            log.info("background job takes smaller steps", contacts=progress.size.contacts, **about)
        elif reason is RetryReason.CONNECTION and not is_time_out(error):
            raise error
        elif reason is None or is_time_out(error):
            log.error("background job failed, to be tried again", exc_info=error, **about)
            await jobs.record_failure(await self._database.get(), job, error)
        else:
            log.info(
                "background job retried", reason=reason.value, error=str(error)[:_SHOWN_CHARACTERS], **about
            )
