"""First and end offsets of many topics: asked for once, not once for each topic."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import Fetcher

from consumer.infra.kafka.log_bounds import end_offsets, first_offsets
from consumer.lanes.pending_records import start_peeker
from schemas.vocabulary import INPUT_TOPICS
from tests.builders.events import live_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.kafka.installation import Installation

pytestmark = pytest.mark.real_kafka


@pytest.mark.parametrize(("ask", "deals"), [(first_offsets, 0), (end_offsets, 1)])
async def test_all_topics_are_asked_for_at_once(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, ask: Callable[..., Any], deals: int
) -> None:
    """A new consumer finds the leaders of all topics in one attempt, without a pause for each of them."""
    await installation.create_topics()
    await installation.produce([live_event(1)])
    attempts = 0
    once = Fetcher._proc_offset_requests

    async def counted(fetcher: Fetcher, timestamps: dict[TopicPartition, int]) -> Any:
        nonlocal attempts
        attempts += 1
        return await once(fetcher, timestamps)

    monkeypatch.setattr(Fetcher, "_proc_offset_requests", counted)
    partitions = [TopicPartition(f"{installation.prefix}{topic}", 0) for topic in INPUT_TOPICS]
    async with AsyncExitStack() as stack:
        consumer = await start_peeker(stack, installation.settings(), "test", "read_committed", patience=5)
        found = await ask(consumer, partitions)
    assert found == {partition: deals * partition.topic.endswith("deals") for partition in partitions}
    assert attempts == 1
