"""What a server answers for a while, such as after a fail-over, is waited out: the worker says so and goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import pytest

from tests.builders.catalog_documents import ALWAYS, definition, document
from tests.builders.events import numbered_event
from tests.kafka.delivery_checks import outbox_rows
from tests.kafka.worker_in_process import working
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.kafka.installation import Installation
    from tests.kafka.worker_in_process import Working

pytestmark = [pytest.mark.real_kafka, pytest.mark.timeout(120)]


@pytest.fixture
async def observer(installation: Installation) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """Make the installation ready, and give a connection that what the test does to others leaves alone."""
    await installation.create_topics()
    await installation.apply(document(definitions=[definition("won", "deal.won", dedup=ALWAYS)]))
    connection = await asyncpg.connect(installation.dsn)
    yield connection
    await connection.close()


async def _process(installation: Installation, worker: Working, numbers: range) -> None:
    """Send events, and wait until all of them are committed and their messages published."""
    sent = await installation.produce(numbered_event(number, type="deal.won") for number in numbers)
    await worker.until_handled(*sent, within=30)

    async def published() -> bool:
        return await outbox_rows(installation) == 0

    await eventually(published, within=30, what="the messages to be published")


async def test_a_server_that_accepts_no_writes_is_waited_for(
    installation: Installation, observer: asyncpg.Connection[asyncpg.Record]
) -> None:
    """As after a fail-over: /readyz names it, no record is lost or dead, and the work goes on by itself."""
    name = await observer.fetchval("select current_database()")
    async with working(installation) as worker:
        await _process(installation, worker, range(5))
        await observer.execute(f'alter database "{name}" set default_transaction_read_only = on')
        others = "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and pid <> $2"
        await observer.execute(others, name, observer.get_server_pid())
        try:
            waiting = await installation.produce(
                numbered_event(number, type="deal.won") for number in range(5, 10)
            )
            await eventually(
                lambda: (
                    "read-only" in (worker.fault("leases") or "")
                    and "read-only" in (worker.fault("relay") or "")
                    and "read-only" in (worker.fault("database") or "")
                ),
                within=20,
                what="/readyz to name the cause",
            )
            assert not worker.worker.health.ready()
            assert not any(worker.outcome(record) for record in waiting)
        finally:
            await observer.execute(f'alter database "{name}" reset default_transaction_read_only')
        # Connections that were opened meanwhile stay read-only: they have to be replaced.
        await worker.until_handled(*waiting, within=30)
        await _process(installation, worker, range(10, 15))
        await eventually(worker.worker.health.ready, within=20, what="the worker to be ready")
    assert {one.outcome.value for one in worker.handled} == {"applied"}
    assert await observer.fetchval("select sum(count)::int from dedup_keys where object_key = ''") == 15
