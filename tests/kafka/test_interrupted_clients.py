"""A client whose start or stop is interrupted leaves no connection open and nothing running."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from consumer.infra import kafka
from schemas.vocabulary import POSITIONS_TOPIC
from tests.kafka.installation import Installation
from tests.kafka.kafka_proxy import Api

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from consumer.infra.settings import Settings
    from tests.kafka.broker_with_proxy import Proxied
    from tests.kafka.kafka_proxy import Frame

pytestmark = pytest.mark.real_kafka


@pytest.fixture
async def settings(proxied: Proxied, database: str, topic_prefix: str) -> AsyncIterator[Settings]:
    """Give settings of an installation with topics, whose broker is reached through the proxy."""
    installation = Installation(database, proxied.server.bootstrap, topic_prefix)
    await installation.create_topics()
    yield installation.settings(kafka_bootstrap=proxied.bootstrap)
    proxied.proxy.plans.clear()


def _never_answered(proxied: Proxied, api: Api) -> asyncio.Event:
    """Hold every request of a kind back; returns what is set by the first."""
    arrived = asyncio.Event()

    async def hold(frame: Frame) -> bool:
        if frame.api == api:
            arrived.set()
        return frame.api == api

    proxied.proxy.plans.append(hold)
    return arrived


def _consumer(settings: Settings) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        **kafka.client_options(settings, "test"), group_id=settings.kafka_group, enable_auto_commit=False
    )


async def _forgotten() -> None:
    """Collect what nothing refers to: a connection that is open, or a task that is pending, is an error then."""
    for _ in range(3):
        await asyncio.sleep(0)
        gc.collect()


@pytest.mark.parametrize("interrupted", ["cancelled", "too late"])
async def test_a_start_that_is_interrupted_leaves_no_connection(
    proxied: Proxied, settings: Settings, interrupted: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It has connected, and waits for the metadata."""
    arrived = _never_answered(proxied, Api.METADATA)
    consumer = _consumer(settings)
    starting = asyncio.create_task(kafka.start_client(consumer))
    await asyncio.wait_for(arrived.wait(), 10)
    if interrupted == "cancelled":
        starting.cancel()
    with pytest.raises((asyncio.CancelledError, TimeoutError)):
        async with asyncio.timeout(0.5):
            await starting
    assert await kafka.stop_client(consumer) is None
    del consumer, starting
    await _forgotten()
    assert not [line for line in caplog.messages if "Unclosed" in line or "destroyed" in line]


async def test_metadata_that_never_arrive_leave_no_connection(
    proxied: Proxied, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """The client that only asks for metadata is no consumer and no producer."""
    _never_answered(proxied, Api.METADATA)
    with pytest.raises((KafkaError, TimeoutError)):
        async with asyncio.timeout(1), kafka.metadata_client(settings, "test"):
            pass
    await _forgotten()
    assert not [line for line in caplog.messages if "Unclosed" in line or "destroyed" in line]


async def test_a_stop_that_is_not_answered_leaves_nothing(
    proxied: Proxied, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """A consumer that cannot leave its group ends all the same, and opens no connection after that."""
    consumer = _consumer(settings)
    await kafka.start_client(consumer)
    consumer.subscribe([settings.topic(POSITIONS_TOPIC)])
    await consumer.getmany(timeout_ms=5000)
    assert consumer.assignment()
    arrived = _never_answered(proxied, Api.LEAVE_GROUP)
    assert isinstance(await kafka.stop_client(consumer), TimeoutError)
    assert arrived.is_set()
    running = [task for task in asyncio.all_tasks() if "aiokafka" in str(task.get_coro())]
    assert not running
    del consumer
    await _forgotten()
    assert not [line for line in caplog.messages if "Unclosed" in line or "destroyed" in line]
