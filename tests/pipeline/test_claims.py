"""Event keys: remembered for a window, found on the timeline beyond it, expired before the horizon."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tests.builders.catalog_documents import document
from tests.builders.events import dated_event
from tests.pipeline import service

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection

NOW = datetime.now(UTC).replace(microsecond=0)


async def test_a_key_is_remembered(database: str) -> None:
    """A recent event that comes again is a duplicate, in the same batch and in a later one."""
    async with service.running(database) as worker:
        await worker.apply(document())
        event = dated_event("a", NOW)
        assert await worker.batch([event, event]) == ["applied", "duplicate"]
        assert await worker.batch([event]) == ["duplicate"]


async def test_beyond_the_window_the_timeline_remembers(database: str, connection: Connection) -> None:
    """An old event whose claim is gone is found by its entry; a recent one is looked for among claims only."""
    async with service.running(database) as worker:
        await worker.apply(document())
        old = dated_event("old", NOW - timedelta(days=100))
        assert await worker.batch([old]) == ["applied"]
        await connection.execute("delete from claims")
        assert await worker.batch([old]) == ["duplicate"]
        # Another subject or time is another event by then.
        assert await worker.batch([dated_event("old", NOW - timedelta(days=101))]) == ["duplicate"]
        await connection.execute("delete from claims")
        assert await worker.batch([dated_event("old", NOW - timedelta(days=101))]) == ["applied"]


async def test_conflicting_duplicates_are_counted(database: str, connection: Connection) -> None:
    """The first contents win; others under the same key count, the same ones again do not."""
    async with service.running(database) as worker:
        await worker.apply(document())
        event = dated_event("a", NOW)
        await worker.batch([event, dated_event("a", NOW, data='{"amount":1}'), event])
        await worker.batch([event, dated_event("a", NOW, subject="bob")])
        assert worker.metrics.conflicting_duplicates._value.get() == 2
    assert await connection.fetchval("select array_agg(external_id) from contacts") == ["ann"]
    assert await connection.fetchval("select array_agg(data) from timeline") == ["{}"]


async def test_behind_the_horizon_events_expire(database: str, connection: Connection) -> None:
    """Dated before the horizon: expired, or a duplicate if it was applied; at the horizon: applied."""
    async with service.running(database) as worker:
        await worker.apply(document())
        horizon = NOW - timedelta(days=1)
        before = dated_event("before", horizon - timedelta(seconds=1))
        assert await worker.batch([before]) == ["applied"]
        await connection.execute("update accounts set horizon = $1", horizon)
        outcomes = await worker.batch(
            [
                before,
                dated_event("new", horizon - timedelta(microseconds=1), subject="bob"),
                dated_event("at", horizon),
            ]
        )
        assert outcomes == ["duplicate", "expired", "applied"]
        # An expired event is not remembered, and creates no contact.
        await connection.execute("update accounts set horizon = null")
        assert await connection.fetchval("select count(*) from contacts") == 1
        assert await worker.batch([dated_event("new", horizon - timedelta(microseconds=1))]) == ["applied"]
