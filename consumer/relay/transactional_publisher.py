"""Publishing exactly once: messages and position in one Kafka transaction.

Owns that transaction, and where the position is kept. What keeps it from being torn is resend_guard.py, the
deadlines of producers.py, and starting over at any doubt. Never decides which position is right: the relay
compares it with the outbox.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from aiokafka.structs import OffsetAndMetadata, TopicPartition

from consumer.infra.kafka.client import TopicsMissingError
from consumer.relay import producers, stable_offsets
from consumer.relay.kafka_publisher import DeliveryInDoubtError, PlainPublisher, PublishedPosition
from consumer.relay.resend_guard import OnceSender
from schemas.names import POSITIONS_TOPIC

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiokafka import AIOKafkaProducer

    from consumer.infra.settings import Settings
    from consumer.relay.outbox import OutgoingMessage
    from consumer.relay.producers import Deadlines, TrackedSender
    from consumer.relay.record_batches import RecordBatch

# aiokafka counts the records of a partition into the negative after 2³¹ of one session. An even smaller number
# of messages over all partitions costs an initialisation in weeks.
_MAX_MESSAGES = 1 << 30
# What a relay writes beside the number: incarnation, floor and mark.
_METADATA = re.compile(r"(\d{1,9}):(\d{1,18}):(\d{1,10})", re.ASCII)


def relay_group(settings: Settings, shard: int) -> str:
    """Return the group that holds a shard's position, which is its transactional id too.

    PREFIX-GROUP-relay-SHARD: as with topics, the prefix stands before the name and brings its own separator.
    """
    return f"{settings.topic_prefix}{settings.kafka_group}-relay-{shard}"


class TransactionalPublisher(PlainPublisher):
    """The publisher of one shard; starting it ends an older transaction and shuts an older publisher out."""

    # Only a test that shows what the guard is for takes another.
    sender: type[TrackedSender] = OnceSender

    def __init__(self, settings: Settings, shard: int, deadlines: Deadlines | None = None) -> None:
        super().__init__(settings, deadlines)
        self._group = relay_group(settings, shard)
        self._place = TopicPartition(settings.topic(POSITIONS_TOPIC), shard)
        self._published = 0

    async def send(self, messages: Sequence[OutgoingMessage], position: PublishedPosition) -> None:
        """See KafkaPublisher: messages and position become visible together or not at all."""
        self._published += len(messages)
        if self._published > _MAX_MESSAGES:
            raise DeliveryInDoubtError("the producer's sequence numbers come to their end")
        await super().send(messages, position)

    def _producer(self) -> AIOKafkaProducer:
        return producers.make_producer(
            self._settings, self._deadlines, transactional_id=self._group, sender=self.sender
        )

    async def _require_topics(self, present: dict[str, int]) -> None:
        await super()._require_topics(present)
        # On a topic that is not there committing the position would hang, and so would everything after it.
        topic, shard = self._place
        if topic not in present:
            raise TopicsMissingError(f"topics are missing: {topic}; run `engagement topics`")
        if present[topic] <= shard:
            raise TopicsMissingError(
                f"{topic} has {present[topic]} partitions: shard {shard} has no place in it"
            )

    async def _position(self, producer: AIOKafkaProducer) -> PublishedPosition | None:
        # Only now: initialising has ended whatever could still have moved it.
        found = await stable_offsets.committed(producer.client, self._group, self._place)
        if found is None:
            return None
        number, metadata = found
        if (written := _METADATA.fullmatch(metadata)) is None:
            return PublishedPosition(number, 0)
        return PublishedPosition(number, *map(int, written.groups()))

    async def _deliver(
        self, producer: AIOKafkaProducer, batches: Sequence[RecordBatch], position: PublishedPosition
    ) -> None:
        await producer.begin_transaction()
        await self._send_batches(producer, batches)
        offset = OffsetAndMetadata(
            position.number, f"{position.incarnation}:{position.floor}:{position.mark}"
        )
        async with asyncio.timeout(self._deadlines.operation):
            await producer.send_offsets_to_transaction({self._place: offset}, self._group)
        async with asyncio.timeout(self._deadlines.operation):
            await producer.commit_transaction()
