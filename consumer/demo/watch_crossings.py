"""Prints who becomes hot while the demo serves, from `engagement.band-changed`."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaConsumer, TopicPartition

from consumer.demo.crossings import DECODER, Crossings
from consumer.demo.prepare import PARTITIONS
from consumer.infra import kafka
from schemas.vocabulary import BAND_CHANGED_TOPIC

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from rich.console import Console

    from consumer.infra.settings import Settings


@asynccontextmanager
async def crossings_from_here(settings: Settings) -> AsyncIterator[AIOKafkaConsumer]:
    """Yield a consumer of the crossings that come from now on. Raises KafkaError."""
    consumer = AIOKafkaConsumer(**kafka.client_options(settings, "crossings"), enable_auto_commit=False)
    try:
        await kafka.start_client(consumer)
        topic = settings.topic(BAND_CHANGED_TOPIC)
        consumer.assign([TopicPartition(topic, number) for number in range(PARTITIONS)])
        await consumer.seek_to_end()
        yield consumer
    finally:
        await kafka.stop_client(consumer)


async def print_who_becomes_hot(consumer: AIOKafkaConsumer, on: Console) -> None:
    """Print a line for each crossing into hot until cancelled; one that is repeated is printed once."""
    crossings, seen = Crossings(), set[str]()
    async for record in consumer:
        message = DECODER.decode(record.value)
        if message.id in seen:
            continue
        seen.add(message.id)
        if hot := crossings.take(record.key.decode(), message):
            on.print(f"became hot: {hot}", markup=False, soft_wrap=True)
