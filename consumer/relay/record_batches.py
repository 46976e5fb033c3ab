"""Builds record batches: assigns each message a partition, by the hash of its key that Kafka's own clients use."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import lru_cache
from struct import unpack_from
from typing import TYPE_CHECKING, Any

from consumer.relay.message_sizes import MessageSizes, message_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from consumer.relay.outbox_messages import OutgoingMessage

_SEED, _MIX, _WORD = 0x9747B28C, 0x5BD1E995, 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """A closed batch for one partition. topic: without prefix. builder: aiokafka's BatchBuilder."""

    topic: str
    partition: int
    builder: Any


def build_batches(
    messages: Sequence[OutgoingMessage],
    partitions: Mapping[str, Sequence[int]],
    create: Callable[[], Any],
    sizes: MessageSizes,
    at: int | None = None,
) -> list[RecordBatch]:
    """Return the messages as batches, in order within each partition; too large ones shortened or left out.

    partitions: by topic without prefix, ascending. create: returns an empty BatchBuilder. at: timestamp of the
    records, in milliseconds; None takes this machine's clock.
    """
    batches: list[RecordBatch] = []
    filling: dict[tuple[str, int], Any] = {}
    for message in sizes.fitted(messages):
        partition = partition_of(message, partitions[message.topic])
        place = (message.topic, partition)
        builder = filling.get(place)
        largest = sizes.largest_batch(message.topic)
        if (
            builder is None
            or (largest is not None and builder.size() + message_bytes(message) > largest)
            or not _append(builder, message, at)
        ):
            builder = filling[place] = create()
            batches.append(RecordBatch(message.topic, partition, builder))
            _append(builder, message, at)  # the first message always fits
    for batch in batches:
        batch.builder.close()
    return batches


def partition_of(message: OutgoingMessage, partitions: Sequence[int]) -> int:
    """Return the partition of a message, out of those of its topic in ascending order.

    Chosen by the hash of the key, as in Kafka's own clients; without a key by the value, so that a repeated message
    goes to the same partition.
    """
    if message.key is None:
        return partitions[zlib.crc32(message.value or b"") % len(partitions)]
    return partitions[(murmur2(message.key) & 0x7FFFFFFF) % len(partitions)]


@lru_cache(maxsize=65_536)
def murmur2(data: bytes) -> int:
    """Return Kafka's hash of a key; aiokafka's own function takes three times as long. Cached: keys repeat."""
    length = len(data)
    words = length >> 2
    result = _SEED ^ length
    for word in unpack_from(f"<{words}I", data):
        mixed = (word * _MIX) & _WORD
        mixed ^= mixed >> 24
        result = ((result * _MIX) ^ (mixed * _MIX)) & _WORD
    if length & 3:
        result = ((result ^ int.from_bytes(data[words << 2 :], "little")) * _MIX) & _WORD
    result = ((result ^ (result >> 13)) * _MIX) & _WORD
    return result ^ (result >> 15)


def _append(builder: Any, message: OutgoingMessage, at: int | None) -> bool:
    taken = builder.append(timestamp=at, key=message.key, value=message.value, headers=list(message.headers))
    return taken is not None
