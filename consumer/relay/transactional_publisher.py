"""Sends exactly once: messages and position in one Kafka transaction.

The transaction stays whole by three measures: send_once.py, the deadlines in producers.py, and a new producer
after every error whose outcome is unknown. Whether the position fits the outbox is checked in shard_publisher.py.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from aiokafka.structs import OffsetAndMetadata, TopicPartition

from consumer.infra.kafka.client import TopicsMissingError
from consumer.relay import committed_offset, producers
from consumer.relay.plain_publisher import DeliveryInDoubtError, PlainPublisher, PublishedPosition
from consumer.relay.send_once import OnceSender
from schemas.vocabulary import POSITIONS_TOPIC

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiokafka import AIOKafkaProducer

    from consumer.infra.settings import Settings
    from consumer.relay.outbox_messages import OutgoingMessage
    from consumer.relay.producers import Deadlines, TrackedSender
    from consumer.relay.record_batches import RecordBatch

# aiokafka's sequence number of a partition overflows to negative after 2³¹ records of one producer. A new producer
# after half as many messages over all partitions costs one initialisation in weeks.
_MAX_MESSAGES = 1 << 30
# Metadata of the committed offset: incarnation, floor and mark.
_METADATA = re.compile(r"(\d{1,9}):(\d{1,18}):(\d{1,10})", re.ASCII)


def relay_group(settings: Settings, shard: int) -> str:
    """Return the group that holds a shard's position; it is the transactional id too.

    PREFIX + GROUP-relay-SHARD: as in topic names the prefix contains its own separator.
    """
    return f"{settings.topic_prefix}{settings.kafka_group}-relay-{shard}"


class TransactionalPublisher(PlainPublisher):
    """The publisher of one shard; starting it ends an open transaction and fences an older publisher."""

    # Replaced only by the test that shows what the guard prevents.
    sender: type[TrackedSender] = OnceSender

    def __init__(self, settings: Settings, shard: int, deadlines: Deadlines | None = None) -> None:
        super().__init__(settings, deadlines)
        self._group = relay_group(settings, shard)
        self._position_partition = TopicPartition(settings.topic(POSITIONS_TOPIC), shard)
        self._sent = 0

    async def send(self, messages: Sequence[OutgoingMessage], position: PublishedPosition) -> None:
        """See KafkaPublisher; messages and position become visible together or not at all."""
        self._sent += len(messages)
        if self._sent > _MAX_MESSAGES:
            raise DeliveryInDoubtError("the producer's sequence numbers are used up")
        await super().send(messages, position)

    def _producer(self) -> AIOKafkaProducer:
        return producers.make_producer(
            self._settings, self._deadlines, transactional_id=self._group, sender=self.sender
        )

    async def _require_topics(self, present: dict[str, int]) -> None:
        await super()._require_topics(present)
        # Committing the position on a missing topic would hang.
        topic, shard = self._position_partition
        if topic not in present:
            raise TopicsMissingError(f"topics are missing: {topic}; run `engagement topics`")
        if present[topic] <= shard:
            raise TopicsMissingError(f"{topic} has {present[topic]} partitions, none for shard {shard}")

    async def _read_position(self, producer: AIOKafkaProducer) -> PublishedPosition | None:
        # Only after the producer's start, which has ended every transaction that could still move it.
        found = await committed_offset.committed(producer.client, self._group, self._position_partition)
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
            await producer.send_offsets_to_transaction({self._position_partition: offset}, self._group)
        async with asyncio.timeout(self._deadlines.operation):
            await producer.commit_transaction()
