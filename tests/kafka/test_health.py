"""The process says within seconds that Postgres or Kafka is away, and by itself that it is back."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx

from consumer.demo.servers.broker import EmbeddedBroker
from consumer.infra import http_server
from consumer.infra.clock import SystemClock
from consumer.infra.postgres.migrate import migrate
from consumer.infra.settings import Settings
from consumer.infra.telemetry import dependency_probes, health
from consumer.infra.telemetry.health import Health
from consumer.infra.telemetry.metrics import Metrics
from tests.servers.faulty_postgres import FaultyPostgres
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def _watched(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """Run a process with nothing but its health: two watchers and the routes."""
    state = Health(SystemClock())
    for component in ("database", "kafka"):
        state.expect(component)
    listener = http_server.listen("127.0.0.1", 0)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(http_server.serve(health.application(state, Metrics()), listener)),
            group.create_task(dependency_probes.watch_database(settings, state)),
            group.create_task(dependency_probes.watch_kafka(settings, state)),
        ]
        async with httpx.AsyncClient(base_url=address) as client:
            await eventually(state.ready, within=10, what="both servers found well")
            yield client
        for task in tasks:
            task.cancel()


async def _until(client: httpx.AsyncClient, status: int, *, within: float) -> httpx.Response:
    async def answered() -> httpx.Response:
        response = await client.get("/readyz")
        assert response.status_code == status
        return response

    return await eventually(answered, within=within, what=f"/readyz answers {status}")


async def test_a_frozen_database_is_noticed_within_five_seconds() -> None:
    """With Postgres stopped by SIGSTOP /readyz is 503 within 5 s, and is 200 again once it goes on."""
    with EmbeddedBroker() as broker:
        async with FaultyPostgres(fsync=False) as postgres:
            await migrate(postgres.dsn)
            settings = Settings(database_url=postgres.dsn, kafka_bootstrap=broker.bootstrap)
            async with _watched(settings) as client:
                postgres.freeze()
                try:
                    components = (await _until(client, 503, within=5)).json()["components"]
                    assert components == {"database": {"ok": False}, "kafka": {"ok": True}}
                    assert (await client.get("/livez")).status_code == 200
                finally:
                    postgres.thaw()
                await _until(client, 200, within=10)


async def test_a_broker_that_is_gone_is_noticed_within_five_seconds() -> None:
    """With the broker gone /readyz is 503 within 5 s and names it, while the database stays well."""
    with EmbeddedBroker() as broker:
        async with FaultyPostgres(fsync=False) as postgres:
            await migrate(postgres.dsn)
            settings = Settings(database_url=postgres.dsn, kafka_bootstrap=broker.bootstrap)
            async with _watched(settings) as client:
                broker.stop()
                components = (await _until(client, 503, within=5)).json()["components"]
                assert not components["kafka"]["ok"]
                assert components["database"]["ok"]


async def test_serving_ends_at_once_when_cancelled() -> None:
    """Cancelling `serve` frees the port within two seconds, though a client stays connected."""
    listener = http_server.listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    serving = asyncio.create_task(
        http_server.serve(health.application(Health(SystemClock()), Metrics()), listener)
    )
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        assert (await client.get("/metrics")).status_code == 200
        begun = time.monotonic()
        serving.cancel()
        await asyncio.wait([serving])
        assert time.monotonic() - begun < 2
    assert serving.cancelled()
    http_server.listen("127.0.0.1", port).close()
