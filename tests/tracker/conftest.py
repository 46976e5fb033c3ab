"""Fixtures for the tracker: one on the servers of this run for each module; accounts isolate its tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kafka.installation import Installation
from tests.tracker.site import Site, serving
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.servers.broker import KafkaServer


@pytest.fixture(scope="module")
async def site(
    kafka_server: KafkaServer, module_database: str, request: pytest.FixtureRequest
) -> AsyncIterator[Site]:
    """Give a tracker that is connected to Kafka, with topics of two partitions."""
    prefix = f"{request.module.__name__.rpartition('.')[2].replace('_', '-')}-{id(request):x}-"
    installation = Installation(module_database, kafka_server.bootstrap, prefix)
    await installation.create_topics(2)
    async with serving(installation) as made:
        await eventually(made.health.ready, within=20, what="the tracker to be ready")
        yield made
    installation.database.close()
