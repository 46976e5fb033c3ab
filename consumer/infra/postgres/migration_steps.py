"""Runs one step of a live migration: programs beside it wait for two seconds at most, and it can be repeated."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import asyncpg

from consumer.infra.postgres.migration_index import IndexBuilder
from consumer.infra.wait import backoff
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from consumer.infra.postgres.connection import Connection
    from consumer.infra.postgres.migration_script import Migration

_SQL = queries("migrations")

# Milliseconds: in the queue for a lock, at first and at most. What asks for the table meanwhile waits too, and a
# batch gives up after two seconds (session.py).
_FIRST_QUEUED, _LONGEST_QUEUED = 50, 1600
# Milliseconds for each statement of a brief step: one that takes longer is none.
_BRIEF = 5000
# Seconds for a lock in all, and from one report of waiting for it to the next.
_PATIENCE, _REPORT_EVERY = 600.0, 5.0
# Rows of a batch: at first, and the bounds.
_FIRST_ROWS, _FEWEST_ROWS, _MOST_ROWS = 1000, 10, 50_000
# Seconds that a batch should take, and how often one is tried.
_BATCH_SECONDS, _ATTEMPTS = 0.5, 20

_PASSING = (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError, asyncpg.SerializationError)


class StepBlockedError(Exception):
    """A step did not get its locks; the message names the transaction that has been open for the longest."""


async def run(
    connection: Connection,
    migration: Migration,
    number: int,
    *,
    position: int,
    open_another: Callable[[], Awaitable[Connection]],
    report: Callable[[str], None],
) -> None:
    """Run a step of a migration (counted from 1) and note that it is done.

    position: where its batches begin. open_another: opens a connection to look at the progress of the first.
    """
    step = migration.steps[number - 1]

    async def done() -> None:
        await connection.execute(_SQL["step_done"], migration.number, number)

    if step.kind == "batches":
        await _in_batches(connection, migration.number, step.statement, position, report)
        await done()
    elif step.kind == "index":
        await IndexBuilder(connection, open_another, report).build(step.statement, briefly)
        await done()
    else:
        await briefly(connection, step.statement, report, done, is_long=step.kind == "validate")


async def briefly(
    connection: Connection,
    script: str,
    report: Callable[[str], None],
    and_then: Callable[[], Awaitable[None]] | None = None,
    *,
    is_long: bool = False,
) -> None:
    """Run a script in a transaction that waits for each lock only briefly, again and again until it gets them.

    and_then: what else belongs to the transaction. is_long: a statement may take longer than five seconds. Raises
    StepBlockedError after ten minutes.
    """
    queued, attempt = _FIRST_QUEUED, 0
    begun = reported = time.monotonic()
    while True:
        attempt += 1
        try:
            async with connection.transaction():
                most = 0 if is_long else _BRIEF
                await connection.execute(
                    f"set local lock_timeout = {queued}; set local statement_timeout = {most}"
                )
                await connection.execute(script)
                if and_then is not None:
                    await and_then()
        except _PASSING as error:
            now = time.monotonic()
            waits_for = await _longest_transaction(connection)
            if now - begun > _PATIENCE:
                raise StepBlockedError(
                    f"no lock within {_PATIENCE:.0f} s ({error}); {waits_for}; run `engagement migrate` again later"
                ) from error
            if now - reported > _REPORT_EVERY:
                reported = now
                report(f"  waiting for a lock, attempt {attempt}; {waits_for}")
            queued = min(2 * queued, _LONGEST_QUEUED)
            # Those who waited meanwhile go first.
            await asyncio.sleep(backoff(attempt, first=0.1, most=3.0))
        else:
            return


async def _longest_transaction(connection: Connection) -> str:
    row = await connection.fetchrow(_SQL["oldest_transaction"])
    if row is None:
        return "no transaction is open for long"
    return f"process {row['pid']} ({row['name']}) has a transaction open for {row['seconds']} s"


async def _in_batches(
    connection: Connection, number: int, statement: str, position: int, report: Callable[[str], None]
) -> None:
    """Repeat a statement, each time in a transaction with its position, until nothing is left."""
    rows, attempt, reported = _FIRST_ROWS, 0, time.monotonic()
    if position:
        report(f"  goes on at {position}")
    while True:
        began = time.monotonic()
        try:
            async with connection.transaction():
                # Like a batch of a worker, which waits for row locks two seconds.
                await connection.execute("set local lock_timeout = 2000; set local statement_timeout = 30000")
                row = await connection.fetchrow(statement, position, rows)
                if row is None or row[0] is None:
                    return
                await connection.execute(_SQL["batch_done"], number, row[0])
        except (*_PASSING, asyncpg.QueryCanceledError):
            attempt += 1
            if attempt > _ATTEMPTS:
                raise
            rows = max(rows // 2, _FEWEST_ROWS)
            await asyncio.sleep(backoff(attempt, first=0.1, most=3.0))
            continue
        took, attempt, position = time.monotonic() - began, 0, row[0]
        if time.monotonic() - reported > _REPORT_EVERY:
            reported = time.monotonic()
            report(f"  {position} of {row[1]}")
        rows = min(max(int(rows * min(2.0, _BATCH_SECONDS / max(took, 0.001))), _FEWEST_ROWS), _MOST_ROWS)
        # Half of the time is for the programs.
        await asyncio.sleep(took)
