"""Sends messages to Kafka together with the position they reach: the interface of both modes, and the plain mode.

Never retries: after an error whose outcome is unknown the caller discards the publisher and starts a new one.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError

from consumer.infra import kafka
from consumer.relay import producers
from consumer.relay.message_sizes import MessageSizes
from consumer.relay.producers import Deadlines
from consumer.relay.record_batches import build_batches
from schemas.vocabulary import OUTPUT_TOPICS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiokafka import AIOKafkaProducer

    from consumer.infra.settings import Settings
    from consumer.relay.outbox_messages import OutgoingMessage
    from consumer.relay.record_batches import RecordBatch

# AssertionError: aiokafka asserts if it has met a fatal error before.
_IN_DOUBT_AFTER = (KafkaError, TimeoutError, OSError, AssertionError)
_TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)


@dataclass(frozen=True, slots=True)
class PublishedPosition:
    """The position up to which a shard's outbox is published, and the incarnation of the installation.

    number: of the last message published. incarnation: 0 if Kafka's position was not written by a relay. floor: the
    position that Postgres had confirmed before this was sent. mark: CRC-32 of the last message's facts in the
    outbox. Floor and mark distinguish a database that lost commits from one whose floor is late.
    """

    number: int
    incarnation: int
    floor: int = 0
    mark: int = 0


class DeliveryInDoubtError(Exception):
    """It is unknown which messages have arrived: discard the publisher and start a new one."""


class KafkaPublisher(Protocol):
    """Sends one shard's messages; lives from start() to its first DeliveryInDoubtError."""

    async def start(self) -> PublishedPosition | None:
        """Connect, and return the position that Kafka holds, None if it holds none.

        Raises DeliveryInDoubtError within 12 s, TopicsMissingError.
        """

    async def send(
        self, messages: Sequence[OutgoingMessage], position: PublishedPosition, at: int | None = None
    ) -> None:
        """Send the messages in order, and the position; a (topic, key) always goes to the same partition.

        at: the timestamp of the records, in milliseconds; None takes this machine's clock. Messages that are too
        large for their topic are shortened or left out (message_sizes.py). Raises DeliveryInDoubtError, and from
        then on at every call; also where a broker refuses a size that was not known.
        """

    async def discard(self) -> None:
        """End it in any state, without closing connections in order, within about 3 s; may be called again."""


class PlainPublisher:
    """At least once: an idempotent producer without transactions; keeps no position."""

    # Without prefix.
    _topics: Sequence[str] = OUTPUT_TOPICS

    def __init__(
        self, settings: Settings, deadlines: Deadlines | None = None, *, sizes: MessageSizes | None = None
    ) -> None:
        self._settings = settings
        self._sizes = sizes or MessageSizes()
        self._deadlines = deadlines or Deadlines()
        self._started: AIOKafkaProducer | None = None
        self._in_doubt_because: str | None = "it was not started"

    async def start(self) -> PublishedPosition | None:
        """See KafkaPublisher; the plain mode has no position."""
        if self._started is not None:
            raise DeliveryInDoubtError("was started before")
        producer = self._started = self._producer()
        try:
            async with asyncio.timeout(self._deadlines.start):
                await kafka.start_client(producer)
                self._require_topics(await kafka.partitions_by_topic(producer.client))
                # So that their partitions are known before the first message and kept up to date.
                await producer.client.set_topics([self._settings.topic(name) for name in self._topics])
                position = await self._read_position(producer)
        except _IN_DOUBT_AFTER as error:
            raise DeliveryInDoubtError(f"start: {error!r}") from error
        self._in_doubt_because = None
        return position

    async def send(
        self, messages: Sequence[OutgoingMessage], position: PublishedPosition, at: int | None = None
    ) -> None:
        """See KafkaPublisher."""
        producer = self._started
        if producer is None or self._in_doubt_because is not None:
            raise DeliveryInDoubtError(self._in_doubt_because)
        try:
            batches = await self._batches(producer, messages, at)
            # Set before sending: a cancelled call leaves the same doubt as a failed one.
            self._in_doubt_because = "sending was interrupted"
            await self._deliver(producer, batches, position, at)
        except _IN_DOUBT_AFTER as error:
            self._in_doubt_because = f"send: {error!r}"
            raise DeliveryInDoubtError(self._in_doubt_because) from error
        self._in_doubt_because = None

    async def discard(self) -> None:
        """See KafkaPublisher."""
        self._in_doubt_because = "it was discarded"
        if self._started is not None:
            await producers.discard(self._started, self._deadlines.stop)

    def _producer(self) -> AIOKafkaProducer:
        return producers.make_producer(self._settings, self._deadlines)

    def _require_topics(self, present: dict[str, int]) -> None:
        if missing := [name for name in map(self._settings.topic, self._topics) if name not in present]:
            raise kafka.TopicsMissingError(
                f"topics are missing: {', '.join(missing)}; run `engagement topics`"
            )

    async def _read_position(self, _producer: AIOKafkaProducer) -> PublishedPosition | None:
        return None

    async def _deliver(
        self,
        producer: AIOKafkaProducer,
        batches: Sequence[RecordBatch],
        _position: PublishedPosition,
        _at: int | None,
    ) -> None:
        await self._send_batches(producer, batches)

    async def _batches(
        self, producer: AIOKafkaProducer, messages: Sequence[OutgoingMessage], at: int | None
    ) -> list[RecordBatch]:
        partitions = {}
        async with asyncio.timeout(self._deadlines.operation):
            for topic in {message.topic for message in messages}:
                partitions[topic] = sorted(await producer.partitions_for(self._settings.topic(topic)))
        return build_batches(messages, partitions, producer.create_batch, self._sizes, at)

    async def _send_batches(self, producer: AIOKafkaProducer, batches: Sequence[RecordBatch]) -> None:
        """Send batches and await every acknowledgement: a transaction would commit without a batch that failed."""
        async with asyncio.timeout(self._deadlines.operation):
            sent = []
            for batch in batches:
                topic = self._settings.topic(batch.topic)
                future = await producer.send_batch(batch.builder, topic, partition=batch.partition)
                future.add_done_callback(partial(self._note_refusal, batch))
                sent.append(future)
            await asyncio.gather(*sent)

    def _note_refusal(self, batch: RecordBatch, future: asyncio.Future[Any]) -> None:
        """Note whether a batch was too large; gather() ends with the first error and leaves the others unread."""
        if not future.cancelled() and isinstance(future.exception(), _TOO_LARGE):
            self._sizes.refuse(batch.topic, batch.builder.size(), batch.builder.record_count())
