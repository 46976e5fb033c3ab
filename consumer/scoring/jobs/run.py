"""Runs one job to its end, for commands that show its progress; workers give every job its turn (turns.py)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from consumer.infra.clock import SystemClock
from consumer.infra.postgres.retry import retry_transient
from consumer.scoring import announce
from consumer.scoring.jobs.kind import WaitsFor
from consumer.scoring.jobs.step import take_step

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from consumer.infra.clock import Clock
    from consumer.infra.postgres.connection import Connection
    from consumer.infra.postgres.connection_keeper import ConnectionKeeper
    from consumer.scoring.jobs.kind import JobKind, Status
    from consumer.scoring.jobs.step import Awaited, Step

_POLL_SECONDS = 0.2


async def run(
    keeper: ConnectionKeeper, kind: JobKind[Status], number: int, *, clock: Clock | None = None
) -> AsyncIterator[Status]:
    """Run a job to its end, yielding its status before each step and at the end.

    Waits for whatever it has to wait for. Raises the kind's error if there is no such job, RelayNotRunningError if
    its messages cannot be enqueued, and database errors that last half a minute. It can be continued after any of
    these, and workers do.
    """
    clock = clock or SystemClock()
    attempt = 0
    awaited: Awaited | None = None

    async def next_step(connection: Connection) -> Step:
        return await take_step(connection, kind, number, attempt=attempt, awaited=awaited)

    while True:
        current = await retry_transient(keeper, lambda connection: kind.status(connection, number))
        yield current
        if current.ended_at is not None:
            return
        step = await retry_transient(keeper, next_step)
        waits_for, awaited = step.waits_for, step.awaited
        if waits_for is None:
            attempt = 0
            continue
        attempt += waits_for is WaitsFor.CONFIGURATION
        if waits_for is WaitsFor.RELAY:
            await announce.wait_for_relay(keeper, clock)
        else:
            await asyncio.sleep(_POLL_SECONDS)
