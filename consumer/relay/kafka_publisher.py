"""Publishing messages and the position up to which that was done: what both modes share, and the plain mode.

Owns the shape of a publisher and when it is in doubt. Never reads the outbox, never moves a floor, and never
tries anything again: after a doubt its owner discards it and starts a new one.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from aiokafka.errors import KafkaError

from consumer.infra import kafka
from consumer.relay import producers
from consumer.relay.producers import Deadlines
from consumer.relay.record_batches import build_batches
from schemas.names import OUTPUT_TOPICS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiokafka import AIOKafkaProducer

    from consumer.infra.settings import Settings
    from consumer.relay.outbox import OutgoingMessage
    from consumer.relay.record_batches import RecordBatch

# aiokafka asserts where it has met a fatal error before.
_IN_DOUBT_AFTER = (KafkaError, TimeoutError, OSError, AssertionError)


@dataclass(frozen=True, slots=True)
class PublishedPosition:
    """Up to where a shard's outbox is published, and under which incarnation of the installation.

    number: of the last message that is. incarnation: 0 where Kafka's position was not written by a relay. floor: up
    to where Postgres had confirmed that it knows, before this was published. mark: CRC-32 of the last message as it
    stood in the outbox. By the last two a database that lost commits is told from one that knows a little less.
    """

    number: int
    incarnation: int
    floor: int = 0
    mark: int = 0


class DeliveryInDoubtError(Exception):
    """Nobody knows what of it has arrived: discard the publisher and start a new one."""


class KafkaPublisher(Protocol):
    """Publishes one shard's messages; lives from start() to its first doubt."""

    async def start(self) -> PublishedPosition | None:
        """Connect, and return the position that Kafka holds, None if it knows none.

        Raises DeliveryInDoubtError within 12 s, TopicsMissingError.
        """

    async def send(self, messages: Sequence[OutgoingMessage], position: PublishedPosition) -> None:
        """Publish all of it and the position, in order, each (topic, key) to the partition it always goes to.

        Raises DeliveryInDoubtError, at once on every call after the first that did; and before anything is sent,
        so that the next call may follow, MessageTooLargeError.
        """

    async def discard(self) -> None:
        """End it in whatever state, without a goodbye, within about 2 s; may be called again."""


class PlainPublisher:
    """At least once: an idempotent producer without transactions; keeps no position."""

    def __init__(self, settings: Settings, deadlines: Deadlines | None = None) -> None:
        self._settings = settings
        self._deadlines = deadlines or Deadlines()
        self._started: AIOKafkaProducer | None = None
        self._in_doubt_because: str | None = "it was not started"

    async def start(self) -> PublishedPosition | None:
        """See KafkaPublisher; the plain mode knows no position."""
        if self._started is not None:
            raise DeliveryInDoubtError("was started before")
        producer = self._started = self._producer()
        try:
            async with asyncio.timeout(self._deadlines.start):
                await producer.start()
                await self._require_topics(await kafka.partitions_by_topic(producer.client))
                # Their partitions are known before the first message, and looked after from now on.
                await producer.client.set_topics([self._settings.topic(name) for name in OUTPUT_TOPICS])
                position = await self._position(producer)
        except _IN_DOUBT_AFTER as error:
            raise DeliveryInDoubtError(f"start: {error!r}") from error
        self._in_doubt_because = None
        return position

    async def send(self, messages: Sequence[OutgoingMessage], position: PublishedPosition) -> None:
        """See KafkaPublisher."""
        producer = self._started
        if producer is None or self._in_doubt_because is not None:
            raise DeliveryInDoubtError(self._in_doubt_because)
        try:
            batches = await self._batches(producer, messages)
            # A cancelled call leaves as much doubt as a failed one.
            self._in_doubt_because = "publishing was interrupted"
            await self._deliver(producer, batches, position)
        except _IN_DOUBT_AFTER as error:
            self._in_doubt_because = f"publish: {error!r}"
            raise DeliveryInDoubtError(self._in_doubt_because) from error
        self._in_doubt_because = None

    async def discard(self) -> None:
        """See KafkaPublisher."""
        self._in_doubt_because = "it was discarded"
        if self._started is not None:
            await producers.discard(self._started, self._deadlines.stop)

    def _producer(self) -> AIOKafkaProducer:
        return producers.make_producer(self._settings, self._deadlines)

    async def _require_topics(self, present: dict[str, int]) -> None:
        if missing := [name for name in map(self._settings.topic, OUTPUT_TOPICS) if name not in present]:
            raise kafka.TopicsMissingError(
                f"topics are missing: {', '.join(missing)}; run `engagement topics`"
            )

    async def _position(self, _producer: AIOKafkaProducer) -> PublishedPosition | None:
        return None

    async def _deliver(
        self, producer: AIOKafkaProducer, batches: Sequence[RecordBatch], _position: PublishedPosition
    ) -> None:
        await self._send_batches(producer, batches)

    async def _batches(
        self, producer: AIOKafkaProducer, messages: Sequence[OutgoingMessage]
    ) -> list[RecordBatch]:
        partitions = {}
        async with asyncio.timeout(self._deadlines.operation):
            for topic in {message.topic for message in messages}:
                partitions[topic] = sorted(await producer.partitions_for(self._settings.topic(topic)))
        return build_batches(messages, partitions, producer.create_batch)

    async def _send_batches(self, producer: AIOKafkaProducer, batches: Sequence[RecordBatch]) -> None:
        """Send batches and wait for each acknowledgement: a transaction commits without those that failed."""
        async with asyncio.timeout(self._deadlines.operation):
            sent = []
            for batch in batches:
                topic = self._settings.topic(batch.topic)
                future = await producer.send_batch(batch.builder, topic, partition=batch.partition)
                future.add_done_callback(_seen)
                sent.append(future)
            await asyncio.gather(*sent)


def _seen(future: asyncio.Future[Any]) -> None:
    """Take notice of an error that nobody waits for any more, an earlier one having ended the wait."""
    if not future.cancelled():
        future.exception()
