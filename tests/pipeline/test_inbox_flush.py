"""Counts of unmatched events are written once, whatever becomes of a flush."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.builders.catalog_documents import document
from tests.builders.events import clock_event
from tests.pipeline import service

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection

_COUNT = "select coalesce(sum(count), 0) from inbox"


class _Held:
    """A connection whose statements are held back for ever; begun: the first one is."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()

    async def execute(self, *_arguments: Any) -> None:
        self.begun.set()
        await asyncio.Event().wait()


async def test_the_last_flush_waits_for_the_one_before(database: str, connection: Connection) -> None:
    """What a flush has in hand that is cancelled at the end of a worker is written by the last one."""
    async with service.running(database) as worker:
        await worker.apply(document())
        await worker.batch([clock_event("10:00", type="survey.answered")])
    held: Any = _Held()
    regular = asyncio.create_task(worker.inbox.flush(held))
    await held.begun.wait()
    last = asyncio.create_task(worker.inbox.flush(connection))
    await asyncio.sleep(0)
    assert await connection.fetchval(_COUNT) == 0
    regular.cancel()
    with pytest.raises(asyncio.CancelledError):
        await regular
    await last
    assert await connection.fetchval(_COUNT) == 1
    await worker.inbox.flush(connection)
    assert await connection.fetchval(_COUNT) == 1
