"""The transactional publisher on a real broker: the position protocol, two of one shard, what it refuses."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from consumer.infra.kafka.client import TopicsMissingError
from consumer.infra.kafka.create_topics import create_missing
from consumer.relay import position_records
from consumer.relay.message_sizes import MAX_BATCH_BYTES
from consumer.relay.outbox_messages import OutgoingMessage
from consumer.relay.plain_publisher import DeliveryInDoubtError, PublishedPosition
from consumer.relay.transactional_publisher import TransactionalPublisher, relay_group
from schemas.vocabulary import (
    DEAD_LETTERS_TOPIC,
    MAX_SHARDS,
    OUTPUT_TOPICS,
    POSITIONS_TOPIC,
    XP_CREDITED_TOPIC,
)
from tests.kafka.kafka_proxy import Api, Frame
from tests.kafka.miniature_relay import (
    BATCH,
    PARTITIONS,
    MiniatureRelay,
    assert_each_once_in_order,
    installation,
    messages,
    prepare,
    topics,
    visible,
)
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.infra.settings import Settings
    from tests.kafka.broker_with_proxy import Proxied

pytestmark = [pytest.mark.real_kafka, pytest.mark.usefixtures("nothing_unseen")]

STEPS = [
    Api.INIT_PRODUCER_ID,
    Api.ADD_PARTITIONS,
    Api.PRODUCE,
    Api.END_TXN,
]


async def test_killed_at_every_step(
    proxied: Proxied, topic_prefix: str, report_line: Callable[[str], None]
) -> None:
    """Killed before and after the broker took each request of a transaction: every message once, in order."""
    settings = await prepare(proxied.server, topic_prefix, proxied.bootstrap)
    cuts = [(step, taken) for step in STEPS for taken in (False, True)] * 4
    random.Random(4).shuffle(cuts)
    report_line(f"publisher: killed at {len(cuts)} points of its transactions")

    async def kill(frame: Frame, taken: bool) -> bool:
        if taken:
            frame.link.mute = True
            await frame.release()
        relay.crash.set()
        return True

    def arm() -> None:
        if cuts and not proxied.proxy.plans:
            step, taken = cuts.pop()
            proxied.proxy.on(step, lambda frame: kill(frame, taken))

    total = 40 * BATCH
    relay = MiniatureRelay(lambda: TransactionalPublisher(settings, 0), before_start=arm)
    await relay.publish_all(total)
    assert relay.crashes == 32
    assert_each_once_in_order(await visible(proxied.server.bootstrap, topic_prefix), total)


@pytest.mark.parametrize("step", STEPS[1:], ids=lambda step: step.name)
async def test_an_answer_that_never_comes(proxied: Proxied, topic_prefix: str, step: Api) -> None:
    """The broker does what it is asked and its answer is lost: in doubt or not, no message is lost or doubled."""
    settings = await prepare(proxied.server, topic_prefix, proxied.bootstrap)
    relay = MiniatureRelay(lambda: TransactionalPublisher(settings, 0))
    await relay.publish_all(BATCH)
    lost = proxied.proxy.lose_answer(step, reset=True)
    await relay.publish_all(3 * BATCH)
    assert lost.done()
    # A lost answer to Produce alone is no doubt: the broker knows a batch that comes again by its sequence.
    assert relay.doubts == (0 if step is Api.PRODUCE else 1)
    assert_each_once_in_order(await visible(proxied.server.bootstrap, topic_prefix), 3 * BATCH)


async def test_the_position_is_kept_by_shard(proxied: Proxied, topic_prefix: str) -> None:
    """A new shard knows no position; what start() gives is what was last published there, incarnation included."""
    settings = await prepare(proxied.server, topic_prefix)
    for shard, position in [
        (0, PublishedPosition(17, 1)),
        (2, PublishedPosition(3, 12)),
        (0, PublishedPosition(30, 2)),
    ]:
        publisher = TransactionalPublisher(settings, shard)
        before = await publisher.start()
        assert before == (PublishedPosition(17, 1) if position.number == 30 else None)
        await publisher.send(messages(1, 3), position)
        await publisher.discard()
        again = TransactionalPublisher(settings, shard)
        assert await again.start() == position
        await again.discard()
    assert relay_group(settings, 2) == f"{topic_prefix}engagement-relay-2"


async def test_installations_that_share_topics_keep_their_positions_apart(
    proxied: Proxied, topic_prefix: str
) -> None:
    """With one prefix and different groups each finds its own position, whichever published last."""
    settings = await prepare(proxied.server, topic_prefix)
    other = settings.model_copy(update={"kafka_group": "other"})
    positions = {"engagement": PublishedPosition(17, 1), "other": PublishedPosition(3, 2)}
    for after in (None, positions):
        for one in (settings, other):
            publisher = TransactionalPublisher(one, 0)
            assert await publisher.start() == (after and after[one.kafka_group])
            await publisher.send(messages(1, 3), positions[one.kafka_group])
            await publisher.discard()


async def test_a_position_of_an_earlier_version_counts(proxied: Proxied, topic_prefix: str) -> None:
    """Earlier versions kept the position as a group's offset: of the two, the one that is further on counts."""
    settings = await prepare(proxied.server, topic_prefix)

    async def publish_as_before(position: PublishedPosition) -> None:
        group = relay_group(settings, 0)
        producer = AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap, transactional_id=group)
        metadata = f"{position.incarnation}:{position.floor}:{position.mark}"
        offset = OffsetAndMetadata(position.number, metadata)
        async with producer, producer.transaction():
            await producer.send_offsets_to_transaction(
                {TopicPartition(settings.topic(POSITIONS_TOPIC), 0): offset}, group
            )

    async def start() -> PublishedPosition | None:
        publisher = TransactionalPublisher(settings, 0)
        found = await publisher.start()
        await publisher.send(messages(1, 1), PublishedPosition(30, 2, 17, 9))
        await publisher.discard()
        return found

    await publish_as_before(PublishedPosition(17, 1, 10, 5))
    assert await start() == PublishedPosition(17, 1, 10, 5)
    assert await start() == PublishedPosition(30, 2, 17, 9)
    await publish_as_before(PublishedPosition(35, 2, 30, 7))
    assert await start() == PublishedPosition(35, 2, 30, 7)
    await publish_as_before(PublishedPosition(40, 1, 38, 7))
    assert await start() == PublishedPosition(30, 2, 17, 9), "an incarnation that has ended"


async def test_the_position_is_found_behind_what_was_given_up(
    proxied: Proxied, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many transactions were given up since: the position is that of the last one committed."""
    monkeypatch.setattr("consumer.relay.position_records._LOOK_BACK", 1)
    monkeypatch.setattr("consumer.relay.position_records._LOOK_FURTHER", 2)
    settings = await prepare(proxied.server, topic_prefix, proxied.bootstrap)
    for number in range(1, 8):
        publisher = TransactionalPublisher(settings, 0)
        assert await publisher.start() == (PublishedPosition(5, 1) if number > 1 else None)
        if number == 1:
            await publisher.send(messages(1, 5), PublishedPosition(5, 1))
        else:
            held = proxied.proxy.hold(Api.END_TXN, reset=True)
            with pytest.raises(DeliveryInDoubtError):
                await publisher.send(messages(6, 7), PublishedPosition(7, 1))
            assert held.done()
        await publisher.discard()


async def test_the_older_of_two_is_shut_out(proxied: Proxied, topic_prefix: str) -> None:
    """Once a second publisher of a shard has started, the first fails and nothing more of it becomes visible."""
    settings = await prepare(proxied.server, topic_prefix)
    older, newer = TransactionalPublisher(settings, 1), TransactionalPublisher(settings, 1)
    await older.start()
    await older.send(messages(1, 5), PublishedPosition(5, 1))
    assert await newer.start() == PublishedPosition(5, 1)
    with pytest.raises(DeliveryInDoubtError, match="ProducerFenced"):
        await older.send(messages(6, 9), PublishedPosition(9, 1))
    with pytest.raises(DeliveryInDoubtError):  # whatever is tried
        await older.send(messages(6, 9), PublishedPosition(9, 1))
    await newer.send(messages(6, 7), PublishedPosition(7, 1))
    await older.discard()
    await newer.discard()
    assert sorted(await visible(proxied.server.bootstrap, topic_prefix)) == [1, 2, 3, 4, 5, 6, 7]


async def test_the_position_is_read_last(proxied: Proxied, topic_prefix: str) -> None:
    """What the older publisher still commits while the newer one starts is in the position that the newer gets."""
    older = TransactionalPublisher(await prepare(proxied.server, topic_prefix), 1)
    newer = TransactionalPublisher(await prepare(proxied.server, topic_prefix, proxied.bootstrap), 1)
    await older.start()
    await older.send(messages(1, 5), PublishedPosition(5, 1))
    held = proxied.proxy.hold(Api.INIT_PRODUCER_ID, reset=False)
    starting = asyncio.create_task(newer.start())
    initialising = await asyncio.wait_for(held, 10)
    await older.send(messages(6, 9), PublishedPosition(9, 1))
    await initialising.release()
    assert await starting == PublishedPosition(9, 1)
    await older.discard()
    await newer.discard()


async def test_a_position_that_may_still_change_is_waited_for(proxied: Proxied, topic_prefix: str) -> None:
    """While a transaction with a position is open, reading the position waits; then it reads what was committed."""
    settings = await prepare(proxied.server, topic_prefix, proxied.bootstrap)
    publisher = TransactionalPublisher(settings, 2)
    await publisher.start()
    await publisher.send(messages(1, 5), PublishedPosition(5, 1))
    held = proxied.proxy.hold(Api.END_TXN, reset=False)
    publishing = asyncio.create_task(publisher.send(messages(6, 9), PublishedPosition(9, 1)))
    commit = await asyncio.wait_for(held, 10)
    place = TopicPartition(settings.topic(POSITIONS_TOPIC), 2)
    key = relay_group(settings, 2).encode()
    reading = asyncio.create_task(position_records.last_committed(settings, place, key))
    assert not (await asyncio.wait({reading}, timeout=0.5))[0]
    await commit.release()
    assert await reading == b"9:1:0:0"
    await publishing
    await publisher.discard()


async def test_the_command_makes_a_place_for_every_shard(proxied: Proxied, topic_prefix: str) -> None:
    """The positions topic is created with a partition for each shard that there may be."""
    settings = installation(proxied.server.bootstrap, topic_prefix)
    created = (await create_missing(settings))[-1]
    assert (created.topic, created.partitions) == (settings.topic(POSITIONS_TOPIC), MAX_SHARDS)
    await eventually(lambda: _starts(settings, MAX_SHARDS - 1), within=10, what="the topics to be seen")


async def test_frozen_before_its_commit(proxied: Proxied, topic_prefix: str) -> None:
    """A publisher frozen with its commit on the way is fenced by its successor; that commit has no effect."""
    settings = await prepare(proxied.server, topic_prefix, proxied.bootstrap)
    older, newer = TransactionalPublisher(settings, 1), TransactionalPublisher(settings, 1)
    await older.start()
    held = proxied.proxy.hold(Api.END_TXN, reset=False)
    publishing = asyncio.create_task(older.send(messages(1, 9), PublishedPosition(9, 1)))
    commit = await asyncio.wait_for(held, 10)
    assert await newer.start() is None
    assert await commit.release() != 0
    with pytest.raises(DeliveryInDoubtError):
        await publishing
    await newer.send(messages(1, 2), PublishedPosition(2, 1))
    await older.discard()
    await newer.discard()
    assert sorted(await visible(proxied.server.bootstrap, topic_prefix)) == [1, 2]


async def test_topics_that_are_missing(proxied: Proxied, topic_prefix: str) -> None:
    """Without the positions topic, or with fewer partitions than shards, starting says so at once."""
    server = proxied.server
    settings = await prepare(server, topic_prefix)
    beyond = TransactionalPublisher(settings, PARTITIONS)
    with pytest.raises(TopicsMissingError, match=f"{POSITIONS_TOPIC} has 3 partitions, none for shard 3"):
        await beyond.start()
    await beyond.discard()
    bare = settings.model_copy(update={"topic_prefix": f"{topic_prefix}bare-"})
    await server.create_topics([bare.topic(name) for name in OUTPUT_TOPICS], partitions=1)
    without = TransactionalPublisher(bare, 0)
    with pytest.raises(TopicsMissingError, match=f"bare-{POSITIONS_TOPIC}; run `engagement topics`"):
        await without.start()
    await without.discard()
    assert bare.topic(POSITIONS_TOPIC) not in await topics(server)


async def test_a_message_that_is_too_large_costs_nothing(proxied: Proxied, topic_prefix: str) -> None:
    """It cannot be shortened and is left out; its neighbours are published, and the next, of 900,000 bytes."""
    settings = await prepare(proxied.server, topic_prefix)
    publisher = TransactionalPublisher(settings, 0)
    await publisher.start()
    too_large = OutgoingMessage(XP_CREDITED_TOPIC, b"k", b"9" * MAX_BATCH_BYTES, ())
    await publisher.send([*messages(1, 3), too_large], PublishedPosition(4, 1))
    large = OutgoingMessage(DEAD_LETTERS_TOPIC, None, b"5".rjust(900_000), ())
    await publisher.send([large], PublishedPosition(5, 1))
    await publisher.discard()
    assert sorted(await visible(proxied.server.bootstrap, topic_prefix)) == [1, 2, 3, 5]


async def test_a_message_that_the_broker_refuses(proxied: Proxied, topic_prefix: str) -> None:
    """One message refused, by a topic's own limit: the whole publish fails, and nothing of it becomes visible."""
    server = proxied.server
    await server.create_topics(
        [f"{topic_prefix}{DEAD_LETTERS_TOPIC}"], partitions=3, settings={"max.message.bytes": "1000"}
    )
    settings = await prepare(server, topic_prefix)
    publisher = TransactionalPublisher(settings, 0)
    await publisher.start()
    await publisher.send(messages(1, 3), PublishedPosition(3, 1))
    refused = OutgoingMessage(DEAD_LETTERS_TOPIC, b"k", b"5" * 2000, ())
    with pytest.raises(DeliveryInDoubtError, match="MessageSizeTooLarge"):
        await publisher.send([*messages(4, 9), refused], PublishedPosition(10, 1))
    await publisher.discard()
    successor = TransactionalPublisher(settings, 0)
    assert await successor.start() == PublishedPosition(3, 1)
    await successor.discard()
    assert sorted(await visible(server.bootstrap, topic_prefix)) == [1, 2, 3]


async def test_sequence_numbers_never_come_to_their_end(
    proxied: Proxied, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a bounded number of messages a publisher asks to be replaced, before it sends what exceeds it."""
    monkeypatch.setattr("consumer.relay.transactional_publisher._MAX_MESSAGES", 10)
    settings = await prepare(proxied.server, topic_prefix)
    publisher = TransactionalPublisher(settings, 0)
    await publisher.start()
    await publisher.send(messages(1, 10), PublishedPosition(10, 1))
    with pytest.raises(DeliveryInDoubtError, match="sequence numbers"):
        await publisher.send(messages(11, 11), PublishedPosition(11, 1))
    await publisher.discard()
    assert len(await visible(proxied.server.bootstrap, topic_prefix)) == 10


async def _starts(settings: Settings, shard: int) -> bool:
    publisher = TransactionalPublisher(settings, shard)
    try:
        await publisher.start()
    except TopicsMissingError:
        return False
    finally:
        await publisher.discard()
    return True
