"""A relay in miniature for tests of publishers: numbered messages, crashes where a test wants them, and a reader.

Owns going on from the position after each crash and doubt. Never decides what a test expects.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from consumer.infra.settings import Settings
from consumer.relay.outbox_messages import OutgoingMessage
from consumer.relay.plain_publisher import DeliveryInDoubtError, PublishedPosition
from schemas.vocabulary import OUTPUT_TOPICS, POSITIONS_TOPIC, SCORE_CHANGED_TOPIC, XP_CREDITED_TOPIC

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from consumer.relay.plain_publisher import KafkaPublisher
    from tests.servers.broker import KafkaServer

Value = TypeVar("Value")

BATCH = 12
PARTITIONS = 3


class CrashError(Exception):
    """The process of the publisher has died here."""


async def prepare(server: KafkaServer, prefix: str, bootstrap: str | None = None) -> Settings:
    """Create the output topics that are missing and return the settings of an installation with that prefix."""
    names = {f"{prefix}{name}" for name in (*OUTPUT_TOPICS, POSITIONS_TOPIC)}
    if missing := names - await topics(server):
        await server.create_topics(sorted(missing), partitions=PARTITIONS)
    return installation(bootstrap or server.bootstrap, prefix)


def installation(bootstrap: str, prefix: str) -> Settings:
    """Return the settings of an installation without a database."""
    return Settings(
        database_url="postgresql://127.0.0.1:1/none",
        kafka_bootstrap=bootstrap,
        topic_prefix=prefix,
        output_partitions=PARTITIONS,
    )


async def topics(server: KafkaServer) -> set[str]:
    """Return the names of all topics."""
    admin = AIOKafkaAdminClient(bootstrap_servers=server.bootstrap)
    await admin.start()
    try:
        return set(await admin.list_topics())
    finally:
        await admin.close()


def messages(first: int, last: int) -> list[OutgoingMessage]:
    """Return messages numbered so, on two topics and over seven keys."""
    return [
        OutgoingMessage(
            (SCORE_CHANGED_TOPIC, XP_CREDITED_TOPIC)[number % 2],
            f"key {number % 7}".encode(),
            str(number).encode(),
            (("content-type", b"text/plain"),),
        )
        for number in range(first, last + 1)
    ]


@dataclass
class MiniatureRelay:
    """Publishes messages 1 … in batches, from the position on; a crash or a doubt makes it start over."""

    make: Callable[[], KafkaPublisher]
    before_start: Callable[[], None] = lambda: None
    before_publish: Callable[[], None] = lambda: None
    crash: asyncio.Event = field(default_factory=asyncio.Event)
    crashes: int = 0
    doubts: int = 0

    async def publish_all(self, total: int) -> None:
        """Return once the message `total` is published."""
        while True:
            publisher = self.make()
            self.before_start()
            try:
                position = await self._until_crash(publisher.start())
                number = position.number if position else 0
                while number < total:
                    last = min(number + BATCH, total)
                    self.before_publish()
                    await self._until_crash(
                        publisher.send(messages(number + 1, last), PublishedPosition(last, 1))
                    )
                    number = last
            except CrashError:
                self.crashes += 1
            except DeliveryInDoubtError:
                self.doubts += 1
            else:
                return
            finally:
                await publisher.discard()

    async def _until_crash(self, work: Coroutine[None, None, Value]) -> Value:
        working = asyncio.create_task(work)
        dying = asyncio.create_task(self.crash.wait())
        await asyncio.wait({working, dying}, return_when=asyncio.FIRST_COMPLETED)
        if self.crash.is_set():
            self.crash.clear()
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            raise CrashError
        dying.cancel()
        return await working


async def visible(bootstrap: str, prefix: str) -> list[int]:
    """Return the numbers that a `read_committed` reader finds, of each partition in order.

    Reads up to the log's very end, which it can once no transaction is open: a broker acknowledges a commit
    before it has marked the partitions.
    """
    places = [
        TopicPartition(f"{prefix}{topic}", number) for topic in OUTPUT_TOPICS for number in range(PARTITIONS)
    ]
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, isolation_level="read_committed", auto_offset_reset="earliest"
    )
    found: dict[TopicPartition, list[int]] = defaultdict(list)

    async def at_the_end(place: TopicPartition) -> bool:
        end = consumer.highwater(place)
        return end is not None and await consumer.position(place) >= end

    await consumer.start()
    try:
        consumer.assign(places)
        async with asyncio.timeout(20):
            while not all([await at_the_end(place) for place in places]):
                for place, records in (await consumer.getmany(timeout_ms=50)).items():
                    found[place] += [int(record.value) for record in records]
    finally:
        await consumer.stop()
    return [number for place in places for number in found[place]]


def assert_each_once_in_order(found: list[int], total: int) -> None:
    """Every number once, and those of one key, which share topic and partition, ascending."""
    assert sorted(found) == list(range(1, total + 1))
    for key in range(14):
        of_key = [number for number in found if number % 14 == key]
        assert of_key == sorted(of_key)
