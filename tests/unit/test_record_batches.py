"""Messages as batches: to the partition every other client chooses, in order, none larger than a broker takes."""

from __future__ import annotations

from aiokafka.partitioner import DefaultPartitioner
from aiokafka.partitioner import murmur2 as aiokafkas_murmur2
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatch
from hypothesis import given
from hypothesis import strategies as st

from consumer.relay.message_sizes import MAX_BATCH_BYTES, MessageSizes, message_bytes
from consumer.relay.outbox_messages import OutgoingMessage
from consumer.relay.record_batches import build_batches, murmur2, partition_of


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
    for batch in build_batches(sent, partitions, _builder, MessageSizes()):
        content = batch.builder._build()
        assert len(content) <= 1000
        records = DefaultRecordBatch(content)
        found.setdefault((batch.topic, batch.partition), []).extend(record.value for record in records)
    expected: dict[tuple[str, int], list[bytes]] = {}
    for message in sent:
        place = (message.topic, partition_of(message, partitions[message.topic]))
        expected.setdefault(place, []).append(message.value or b"")
    assert found == expected


def test_what_no_broker_takes_is_left_out() -> None:
    """A message below a broker's limit is a batch by itself; one above it is left out, its neighbours are not."""
    small, large = _message("t", b"k", b""), _message("t", b"k", b"x" * (MAX_BATCH_BYTES - 200))
    assert len(build_batches([small, large, small], {"t": [0]}, _builder, MessageSizes())) == 3
    too_large = _message("t", b"k", b"x" * MAX_BATCH_BYTES)
    [batch] = build_batches([small, too_large, small], {"t": [0]}, _builder, MessageSizes())
    assert batch.builder.record_count() == 2


def test_after_a_refusal_batches_are_smaller() -> None:
    """A batch of several messages that was refused: from then on those of its topic have half its size at most."""
    sizes = MessageSizes()
    sent = [_message(topic, b"k", b"x" * 50) for topic in "tu" for _ in range(6)]
    sizes.refuse("t", 500, 6)
    batches = build_batches(sent, {"t": [0], "u": [0]}, _builder, sizes)
    counts = [(batch.topic, batch.builder.record_count()) for batch in batches]
    assert counts[-1] == ("u", 6)
    assert sum(count for topic, count in counts if topic == "t") == 6
    assert all(batch.builder.size() <= 250 for batch in batches if batch.topic == "t")


@given(st.none() | st.binary(max_size=300), st.none() | st.binary(max_size=300), st.integers(0, 8))
def test_a_message_is_not_larger_than_it_is_taken_for(
    key: bytes | None, value: bytes | None, headers: int
) -> None:
    """The size that decides is never below that of the batch with the message alone, and at most 60 bytes above."""
    message = OutgoingMessage("t", key, value, (("näme", b"value"),) * headers)
    builder = _builder()
    builder.append(timestamp=None, key=key, value=value, headers=list(message.headers))
    assert builder.size() <= message_bytes(message) <= builder.size() + 60 + 20 * headers
