"""A worker on a machine whose clock is wrong measures by the clock of the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.builders.catalog_documents import document
from tests.builders.events import live_event
from tests.kafka.database_clock import set_database_clock_back
from tests.kafka.worker_in_process import working
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.kafka.installation import Installation

pytestmark = pytest.mark.real_kafka


async def test_freshness_is_measured_by_the_clock_of_the_database(installation: Installation) -> None:
    """Two hours ahead of the database, a worker finds a record fresh that is of this second by that clock."""
    await installation.create_topics()
    await installation.apply(document())
    await set_database_clock_back(installation.dsn, "2 hours")
    async with working(installation) as worker:

        def compared() -> bool:
            return datetime.now(UTC) - worker.worker.clock.now() > timedelta(hours=1)

        await eventually(compared, within=10, what="the clocks compared")
        [sent] = await installation.produce([live_event(0, timestamp=datetime.now(UTC) - timedelta(hours=2))])
        await worker.until_handled(sent)
        exposition = worker.worker.metrics.exposition().decode()
    lines = [line for line in exposition.splitlines() if line.startswith("engagement_freshness_seconds_")]
    values = {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}
    assert values["engagement_freshness_seconds_count"] == 1
    assert values["engagement_freshness_seconds_sum"] < 60
