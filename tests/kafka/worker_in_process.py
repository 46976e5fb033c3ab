"""A worker in the test's own process, whose health and metrics can be looked at directly.

Owns its beginning and its end. Never touches what it works on.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from consumer.worker.app import Worker
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from consumer.domain.model import Record
    from consumer.ingest.batch import RecordOutcome
    from tests.kafka.installation import Installation


class Working:
    """A running worker and everything it has handled so far."""

    def __init__(self, installation: Installation, **settings: str) -> None:
        self.handled: list[RecordOutcome] = []
        self.worker = Worker(installation.settings(**settings), observer=self.handled.extend)

    def outcome(self, record: Record) -> str | None:
        """Return what became of a record, None while nothing did."""
        place = (record.topic, record.partition, record.offset)
        for one in self.handled:
            if (one.record.topic, one.record.partition, one.record.offset) == place:
                return one.outcome.value
        return None

    async def until_handled(self, *records: Record, within: float = 10) -> None:
        """Wait until it has committed all of these."""
        await eventually(
            lambda: all(self.outcome(record) for record in records), within=within, what="the records handled"
        )

    def fault(self, component: str) -> str | None:
        """Return why a component is not well, None where it is."""
        why = self.worker.health.states()[component]["why"]
        return None if why is None else str(why)


@asynccontextmanager
async def working(installation: Installation, **settings: str) -> AsyncIterator[Working]:
    """Give a worker that is ready, and stop it in order at the end."""
    started = Working(installation, **settings)
    task = asyncio.create_task(started.worker.run())
    try:

        def ready() -> bool:
            if task.done():
                task.result()
            return bool(started.worker.lanes) and not started.fault("ingest")

        await eventually(ready, within=15, what="the worker to hold its lanes")
        yield started
    finally:
        started.worker.stopping.set()
        await task
