"""Two workers at once, each held at the statement where a wrong order of locks would show.

The order is written down here, one test for each rule; test_verdict_properties.py draws orders.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from itertools import chain, repeat
from typing import TYPE_CHECKING

import pytest

from consumer.ingest import batch_processor
from sql import queries
from tests.builders.catalog_documents import dedup_document
from tests.builders.events import clock_event
from tests.pipeline import service
from tests.pipeline.statement_schedule import Schedule

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from consumer.infra.postgres.connection import Connection

ENQUEUE = queries("outbox")["enqueue"]


@asynccontextmanager
async def _two(
    schedule: Schedule, database: str, policy: str
) -> AsyncIterator[tuple[service.Service, service.Service]]:
    """Give workers 0 and 1 with a lane each, all of one shard, that know the catalog and the months already."""
    await service.apply_document(database, dedup_document({"policy": policy}))
    async with (
        service.running(database, feed=service.Feed("deals"), connect=lambda: schedule.connect(0)) as first,
        service.running(database, feed=service.Feed("sales"), connect=lambda: schedule.connect(1)) as second,
    ):
        for number, worker in enumerate((first, second)):
            await worker.batch([clock_event(f"00:0{number}", subject=f"early-{number}")])
        yield first, second


async def test_who_waited_for_a_contact_judges_by_what_was_left(
    database: str, connection: Connection
) -> None:
    """A batch that waits for a contact reads what hangs on it after the lock: `once` counts once."""
    schedule = Schedule(database, connection)
    async with _two(schedule, database, "once") as (first, second):
        # She is known beforehand: else the unique key would make the second one wait, and not her lock.
        assert await first.batch([clock_event("09:00", type="contact.upserted")]) == ["contact"]
        await schedule.run(
            chain(schedule.turns_until(0, "commit"), repeat(1)),
            {0: first.batch([clock_event("10:00")]), 1: second.batch([clock_event("10:01")])},
        )

    assert schedule.lock_waits == 1
    assert {
        event: verdict for event, verdict in (await service.verdicts(connection)).items() if event > "10"
    } == {
        "10:00": "counted",
        "10:01": "already_counted",
    }
    assert set((await service.tallies(connection)).values()) == {1}


@pytest.mark.parametrize(("together", "last"), [(0, ENQUEUE), (100, "commit")])
async def test_heads_are_taken_last(
    database: str, connection: Connection, monkeypatch: pytest.MonkeyPatch, together: int, last: str
) -> None:
    """Batches of other contacts do not wait for one that is yet to be applied, though they share its shard."""
    monkeypatch.setattr(batch_processor, "_TOGETHER", together)
    schedule = Schedule(database, connection)
    committed: list[int] = []
    async with _two(schedule, database, "always") as (first, second):
        schedule.committed = committed.append
        await schedule.run(
            chain(schedule.turns_until(0, last), repeat(1)),
            {0: first.batch([clock_event("10:00")]), 1: second.batch([clock_event("10:01", subject="bob")])},
        )

    assert committed == [1, 0]
    assert schedule.lock_waits == 0
    assert {shard for (shard,) in await connection.fetch("select shard from outbox")} == {0}


async def test_a_lane_taken_over_at_the_same_offset(database: str, connection: Connection) -> None:
    """A worker that lost a lane has no effect on it, even at the same offset: the epoch is part of the fence."""
    async with service.running(database) as older:
        await older.apply(dedup_document({"policy": "always"}))
        async with service.running(database) as newer:
            assert await older.batch([clock_event("10:00")]) == []
            assert older.lanes == {}
            assert await service.verdicts(connection) == {}
            assert await newer.batch([clock_event("10:00")]) == ["applied"]
