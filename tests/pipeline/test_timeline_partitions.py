"""Partitions of the timeline: one for each recent month, and one for everything older than two years."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from consumer.ingest import timeline_partitions
from consumer.scoring.verify import verify
from tests.builders.catalog_documents import HOURLY, ONCE, dedup_document
from tests.builders.events import AT, dated_event
from tests.pipeline import service
from tests.pipeline.purging import purge

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection

_PARTITIONS = "select inhrelid::regclass::text from pg_inherits where inhparent = 'timeline'::regclass"


async def test_old_months_make_no_partitions(database: str, connection: Connection) -> None:
    """Events of each month since 2000 are all on the timeline, and only the last two years have partitions."""
    months = [datetime(year, month, 5, tzinfo=UTC) for year in range(2000, 2026) for month in range(1, 13)]
    async with service.running(database) as worker:
        await worker.apply(dedup_document(HOURLY))
        records = [dated_event(f"{at:%Y-%m}", at, timestamp=AT) for at in months]
        assert await worker.batch(records) == ["applied"] * len(months)
        assert await worker.batch(records) == ["duplicate"] * len(months)
    assert await connection.fetchval("select count(*) from timeline") == len(months)
    names = [row[0] for row in await connection.fetch(_PARTITIONS)]
    assert len(names) <= 1 + 24
    assert len([name for name in names if name.startswith("timeline_before_")]) == 1
    assert (await verify(database)).differences == []


async def test_a_month_that_all_accounts_have_purged_is_dropped(
    database: str, connection: Connection
) -> None:
    """Not one in which an account keeps anything, nor one that another account's events may still fall into."""
    async with service.running(database) as worker:
        for account in ("acme", "birch"):
            await worker.apply(dedup_document(ONCE, account))
        first, second = AT.replace(month=1), AT.replace(month=2)
        await worker.batch(
            [
                dated_event("a", first),
                dated_event("b", second),
                dated_event("c", second, accountid="birch", subject="bob"),
            ]
        )
        before = await timeline_partitions.create(connection, set())
        assert {(2026, 1), (2026, 2)} <= before
        await purge(connection, "acme", AT)
        assert await timeline_partitions.drop_empty(connection) == [], "birch keeps everything"
        await purge(connection, "birch", AT)
        # Of a, the first event of its key, dedup needs to know.
        assert await timeline_partitions.drop_empty(connection) == []
        await connection.execute("delete from timeline where occurred_at < $1", second)
        assert await timeline_partitions.drop_empty(connection) == [(2026, 1)]
        assert await timeline_partitions.create(connection, set()) == before - {(2026, 1)}
        # What is dated in it does not come to the timeline, and makes no partition that fails.
        assert await worker.batch([dated_event("d", first)]) == ["expired"]
