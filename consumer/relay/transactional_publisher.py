"""Sends exactly once: messages and position in one Kafka transaction.

The transaction stays whole by three measures: send_once.py, the deadlines in producers.py, and a new producer
after every error whose outcome is unknown. Whether the position fits the outbox is checked in shard_publisher.py.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from aiokafka.structs import TopicPartition

from consumer.infra.kafka.client import TopicsMissingError
from consumer.relay import committed_offset, position_records, producers
from consumer.relay.plain_publisher import DeliveryInDoubtError, PlainPublisher, PublishedPosition
from consumer.relay.record_batches import RecordBatch
from consumer.relay.send_once import OnceSender
from schemas.vocabulary import OUTPUT_TOPICS, POSITIONS_TOPIC

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiokafka import AIOKafkaProducer

    from consumer.infra.settings import Settings
    from consumer.relay.message_sizes import MessageSizes
    from consumer.relay.outbox_messages import OutgoingMessage
    from consumer.relay.producers import Deadlines, TrackedSender

# aiokafka's sequence number of a partition overflows to negative after 2³¹ records of one producer. A new producer
# after half as many messages over all partitions costs one initialisation in weeks.
_MAX_MESSAGES = 1 << 30
# A position as a record's value: number, incarnation, floor and mark. As metadata of a committed offset, in earlier
# versions: without the number.
_RECORD = re.compile(rb"(\d{1,18}):(\d{1,9}):(\d{1,18}):(\d{1,10})")
_METADATA = re.compile(r"(\d{1,9}):(\d{1,18}):(\d{1,10})", re.ASCII)


def relay_group(settings: Settings, shard: int | str) -> str:
    """Return the transactional id of a shard, the key of its position; before, the group that held its position.

    PREFIX + GROUP-relay-SHARD: as in topic names the prefix contains its own separator.
    """
    return f"{settings.topic_prefix}{settings.kafka_group}-relay-{shard}"


class TransactionalPublisher(PlainPublisher):
    """The publisher of one shard; starting it ends an open transaction and fences an older publisher."""

    _topics = (*OUTPUT_TOPICS, POSITIONS_TOPIC)
    # Replaced only by the test that shows what the guard prevents.
    sender: type[TrackedSender] = OnceSender

    def __init__(
        self,
        settings: Settings,
        shard: int,
        deadlines: Deadlines | None = None,
        *,
        sizes: MessageSizes | None = None,
    ) -> None:
        super().__init__(settings, deadlines, sizes=sizes)
        self._group = relay_group(settings, shard)
        self._position_partition = TopicPartition(settings.topic(POSITIONS_TOPIC), shard)
        self._sent = 0

    async def send(
        self, messages: Sequence[OutgoingMessage], position: PublishedPosition, at: int | None = None
    ) -> None:
        """See KafkaPublisher; messages and position become visible together or not at all."""
        self._sent += len(messages)
        if self._sent > _MAX_MESSAGES:
            raise DeliveryInDoubtError("the producer's sequence numbers are used up")
        await super().send(messages, position, at)

    def _producer(self) -> AIOKafkaProducer:
        return producers.make_producer(
            self._settings, self._deadlines, transactional_id=self._group, sender=self.sender
        )

    def _require_topics(self, present: dict[str, int]) -> None:
        super()._require_topics(present)
        topic, shard = self._position_partition
        if present[topic] <= shard:
            raise TopicsMissingError(f"{topic} has {present[topic]} partitions, none for shard {shard}")

    async def _read_position(self, producer: AIOKafkaProducer) -> PublishedPosition | None:
        # Only after the producer's start, which has ended every transaction that could still move it.
        found = (await self._recorded_position(), await self._committed_position(producer))
        return max(filter(None, found), key=lambda one: (one.incarnation, one.number), default=None)

    async def _recorded_position(self) -> PublishedPosition | None:
        record = await position_records.last_committed(
            self._settings, self._position_partition, self._group.encode()
        )
        written = _RECORD.fullmatch(record or b"")
        return PublishedPosition(*map(int, written.groups())) if written else None

    async def _committed_position(self, producer: AIOKafkaProducer) -> PublishedPosition | None:
        """Return the position that an earlier version committed as its group's offset."""
        found = await committed_offset.committed(producer.client, self._group, self._position_partition)
        if found is None:
            return None
        number, metadata = found
        if (written := _METADATA.fullmatch(metadata)) is None:
            return PublishedPosition(number, 0)
        return PublishedPosition(number, *map(int, written.groups()))

    async def _deliver(
        self,
        producer: AIOKafkaProducer,
        batches: Sequence[RecordBatch],
        position: PublishedPosition,
        at: int | None,
    ) -> None:
        await producer.begin_transaction()
        await self._send_batches(producer, [*batches, self._record(producer, position, at)])
        async with asyncio.timeout(self._deadlines.operation):
            await producer.commit_transaction()

    def _record(self, producer: AIOKafkaProducer, position: PublishedPosition, at: int | None) -> RecordBatch:
        """Return the position as a batch for the shard's partition of `engagement.positions`."""
        builder = producer.create_batch()
        value = f"{position.number}:{position.incarnation}:{position.floor}:{position.mark}"
        builder.append(timestamp=at, key=self._group.encode(), value=value.encode())
        builder.close()
        return RecordBatch(POSITIONS_TOPIC, self._position_partition.partition, builder)
