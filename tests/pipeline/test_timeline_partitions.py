"""Partitions of the timeline: one for each recent month, and one for everything older than two years."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from consumer.scoring.verify import verify
from tests.builders.catalog_documents import HOURLY, dedup_document
from tests.builders.events import AT, dated_event
from tests.pipeline import service

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
