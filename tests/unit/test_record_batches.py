"""Messages as batches: to the partition every other client chooses, in order, none larger than a broker takes."""

from __future__ import annotations

import pytest
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.partitioner import murmur2 as aiokafkas_murmur2
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatch
from hypothesis import given
from hypothesis import strategies as st

from consumer.relay.outbox_messages import OutgoingMessage
from consumer.relay.record_batches import (
    MAX_BATCH_BYTES,
    MessageTooLargeError,
    build_batches,
    murmur2,
    partition_of,
)


def _builder() -> BatchBuilder:
    return BatchBuilder(1000, 0, is_transactional=1)


def _message(topic: str, key: bytes | None, value: bytes | None) -> OutgoingMessage:
    return OutgoingMessage(topic, key, value, (("name", b"value"),))


@given(st.binary(max_size=80))
def test_the_hash_is_kafkas(key: bytes) -> None:
    """The hash of any key is the one of aiokafka, which is that of the Java client."""
    assert murmur2(key) == aiokafkas_murmur2(key)


@given(st.binary(max_size=40), st.integers(1, 50))
def test_a_key_goes_where_every_client_sends_it(key: bytes, partitions: int) -> None:
    """The partition of a key is that of aiokafka's default partitioner, for any number of partitions."""
    every = list(range(partitions))
    assert partition_of(_message("t", key, b""), every) == DefaultPartitioner()(key, every, every)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.none() | st.binary(max_size=3)), max_size=80))
def test_nothing_is_lost_and_each_key_keeps_its_order(wanted: list[tuple[str, bytes | None]]) -> None:
    """Batches hold every message once, those of one topic and partition in order, none above its size."""
    sent = [
        _message(topic, key, str(number).encode().rjust(90)) for number, (topic, key) in enumerate(wanted)
    ]
    partitions = {"a": [0, 1, 2], "b": [0, 1]}
    found: dict[tuple[str, int], list[bytes]] = {}
    for batch in build_batches(sent, partitions, _builder):
        content = batch.builder._build()
        assert len(content) <= 1000
        records = DefaultRecordBatch(content)
        found.setdefault((batch.topic, batch.partition), []).extend(record.value for record in records)
    expected: dict[tuple[str, int], list[bytes]] = {}
    for message in sent:
        place = (message.topic, partition_of(message, partitions[message.topic]))
        expected.setdefault(place, []).append(message.value or b"")
    assert found == expected


def test_what_no_broker_takes_is_refused() -> None:
    """A message below a broker's limit is a batch by itself, one above it is refused with its size."""
    small, large = _message("t", b"k", b""), _message("t", b"k", b"x" * (MAX_BATCH_BYTES - 200))
    assert len(build_batches([small, large, small], {"t": [0]}, _builder)) == 3
    too_large = _message("t", b"k", b"x" * MAX_BATCH_BYTES)
    with pytest.raises(MessageTooLargeError, match=r"a message for t makes a batch of 10\d+ bytes"):
        build_batches([small, too_large], {"t": [0]}, _builder)
