"""A table may get columns under running programs, as an upgrade gives them (docs/upgrading.md)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from tests.builders.catalog_documents import ALWAYS, definition, document
from tests.builders.events import numbered_event
from tests.kafka.delivery_checks import outbox_rows
from tests.kafka.worker_in_process import working
from tests.kafka.worker_process import WorkerProcess
from tests.waiting import eventually
from tests.web.api_client import SECRET, bearer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.kafka.installation import Installation

pytestmark = [pytest.mark.real_kafka, pytest.mark.timeout(120)]

_EVENTS = 400
_TABLES = """
    select oid::regclass::text as name from pg_class
    where relkind in ('r', 'p') and not relispartition and relnamespace = 'public'::regnamespace order by 1"""
_ROUTES = (
    "/v1/accounts",
    *(
        f"/v1/accounts/acme{route}"
        for route in (
            "",
            "/audit",
            "/contacts",
            "/contacts?group=purchase&sort=-score.purchase",
            "/contacts.csv",
            "/contacts/ann",
            "/contacts/ann/adjustments",
            "/contacts/ann/score/explanation",
            "/contacts/ann/score/history",
            "/contacts/ann/timeline",
            "/definitions",
            "/definitions/won/rejudgements",
            "/groups",
            "/inbox",
            "/profiles",
            "/profiles/lead_score/publishes",
            "/profiles/lead_score/versions",
            "/segments",
        )
    ),
)


class _Web(WorkerProcess):
    command = "web"


async def _until_published(installation: Installation) -> None:
    async def published() -> bool:
        return await outbox_rows(installation) == 0

    await eventually(published, within=30, what="the messages to be published")


async def _ask(web: WorkerProcess, number: int) -> None:
    """Ask the API for everything that it reads, and give a point."""
    for route in _ROUTES:
        response = await web.get(route, headers=bearer("*"))
        assert response.status_code == 200, (route, response.text)
    body: dict[str, Any] = {
        "profile": "lead_score",
        "group": "purchase",
        "points": 1,
        "reason": "met at the fair",
    }
    body |= {"client_key": f"change-{number}"}
    response = await web.post("/v1/accounts/acme/contacts/ann/adjustments", json=body, headers=bearer("*"))
    assert response.status_code == 201, response.text


async def test_every_table_may_get_a_column_under_worker_and_api(
    installation: Installation, tmp_path: Path
) -> None:
    """Ingest, relay, leases, lag and jobs go on, and so does every route; no statement has to be prepared again."""
    await installation.create_topics()
    await installation.apply(document(definitions=[definition("won", "deal.won", dedup=ALWAYS)]))
    observer = await asyncpg.connect(installation.dsn)
    tables = [row["name"] for row in await observer.fetch(_TABLES)]
    async with (
        working(installation, batch_records="5") as worker,
        _Web(installation, tmp_path, jwt_secret=SECRET) as web,
    ):
        await web.until(200, within=30)
        events = [numbered_event(number, type="deal.won", subject="ann") for number in range(_EVENTS)]
        await worker.until_handled(*await installation.produce(events[:5]))
        await _ask(web, 0)
        feeding = asyncio.create_task(installation.produce(events[5:-5]))
        for table in tables:
            await observer.execute(f"alter table {table} add column added_later integer default 1")
        await worker.until_handled(*await feeding, within=30)
        await worker.until_handled(*await installation.produce(events[-5:]), within=30)
        await _ask(web, 1)
        await _until_published(installation)
        await eventually(worker.worker.health.ready, within=20, what="the worker to be ready")
        retries = worker.worker.metrics.database_retries.labels("connection")._value.get()
    assert {one.outcome.value for one in worker.handled} == {"applied"}
    counted = "select sum(count)::int from dedup_keys where object_key = ''"
    assert await observer.fetchval(counted) == _EVENTS
    assert await observer.fetchval("select count(*) from adjustments") == 2
    assert retries == 0
    await observer.close()
