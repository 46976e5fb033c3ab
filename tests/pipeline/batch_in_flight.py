"""A batch that is held in flight while something else happens beside it; each statement takes its turn."""

from __future__ import annotations

from contextlib import asynccontextmanager
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

from consumer import catalog
from tests.pipeline import service
from tests.pipeline.statement_schedule import Schedule

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterator

    from consumer.infra.postgres.connection import Connection

BETWEEN = "select 'between two changes'"


@asynccontextmanager
async def in_flight(database: str, connection: Connection) -> AsyncIterator[tuple[Schedule, service.Service]]:
    """Give worker 0, and the schedule of its statements."""
    schedule = Schedule(database, connection)
    try:
        async with service.running(database, connect=lambda: schedule.connect(0)) as worker:
            yield schedule, worker
    finally:
        schedule.close()


async def beside(
    schedule: Schedule,
    batch: Coroutine[Any, Any, Any],
    change: Coroutine[Any, Any, Any],
    *,
    until: str = "commit",
    turns: Iterator[int] | None = None,
) -> list[int]:
    """Hold the batch before a statement until the change is made, or waits; return who committed, in order."""
    committed: list[int] = []
    schedule.committed = committed.append
    schedule.lock_waits = 0
    await schedule.run(chain(schedule.turns_until(0, until), turns or repeat(1)), {0: batch, 1: change})
    return committed


async def apply(schedule: Schedule, document: dict[str, Any]) -> None:
    """Apply a catalog document as worker 1."""
    await catalog.apply_document(await schedule.connect(1), service.parsed(document))
