"""The relay: every message exactly once for a reader of committed ones, whatever happens to relays and database."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import pytest

from consumer.relay.shard_publisher import ShardPublisher
from consumer.relay.transactional_publisher import TransactionalPublisher
from schemas.vocabulary import SCORE_CHANGED_TOPIC, XP_CREDITED_TOPIC
from tests.builders.catalog_documents import document
from tests.builders.events import live_event
from tests.kafka.delivery_checks import outbox_rows
from tests.kafka.relay_in_process import Relaying
from tests.pipeline import service
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.infra import postgres
    from tests.kafka.conftest import Fragile
    from tests.kafka.installation import Installation

pytestmark = pytest.mark.real_kafka


async def _emptied(installation: Installation) -> None:
    async def published() -> bool:
        return await outbox_rows(installation) == 0

    await eventually(published, within=30, what="everything published")


async def _published_numbers(installation: Installation) -> list[int]:
    """Return the versions of ann's messages in the order in which a reader finds them."""
    return [message["data"]["version"] for message in await installation.messages(SCORE_CHANGED_TOPIC)]


async def test_every_message_once_in_order(installation: Installation) -> None:
    """What batches committed is read once and in order, and the floor follows so that the outbox is empty."""
    await installation.create_topics(3)
    await installation.apply(document())
    relaying = Relaying(installation)
    relaying.start()
    async with service.running(installation.dsn) as ingest:
        for number in range(20):
            await ingest.batch([live_event(number)])
            relaying.relay.wake()
    await _emptied(installation)
    await relaying.stop()
    assert await _published_numbers(installation) == list(range(1, 21))
    ids = [message["id"] for message in await installation.messages(XP_CREDITED_TOPIC)]
    assert len(ids) == len(set(ids))


async def test_relays_cut_down_leave_nothing_twice(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relay that ended before the floor followed what it published: the next begins where Kafka says."""
    await installation.create_topics()
    await installation.apply(document())
    connection = await asyncpg.connect(installation.dsn)
    cut = asyncio.Event()

    publish_due = ShardPublisher.publish_due

    async def once(
        shard: ShardPublisher, connection: postgres.Connection, acknowledged: Callable[[float], None]
    ) -> int:
        """Publish once; the next call, which would raise the floor, never returns."""
        if not cut.is_set() and (published := await publish_due(shard, connection, acknowledged)):
            cut.set()
            return published
        return await asyncio.Future() if cut.is_set() else 0

    async with service.running(installation.dsn) as ingest:
        for number in range(12):
            await ingest.batch([live_event(number)])
            if number % 3 == 0:
                cut.clear()
                with monkeypatch.context() as patched:
                    patched.setattr(ShardPublisher, "publish_due", once)
                    task = Relaying(installation).start()
                    await eventually(cut.is_set, within=20, what="something published, and no floor raised")
                    task.cancel()
                    await asyncio.wait([task])
                await connection.execute("update shard_leases set owner = null")
                relaying = Relaying(installation)
                relaying.start()
                await _emptied(installation)
                await relaying.stop()
    relaying = Relaying(installation)
    relaying.start()
    await _emptied(installation)
    await relaying.stop()
    await connection.close()
    assert await _published_numbers(installation) == list(range(1, 13))


async def test_an_older_copy_of_the_database(installation: Installation) -> None:
    """If Postgres lost commits the relay notices, and publishes again from the floor under a new incarnation."""
    await installation.create_topics()
    await installation.apply(document())
    connection = await asyncpg.connect(installation.dsn)
    async with service.running(installation.dsn) as ingest:
        for number in range(3):
            await ingest.batch([live_event(number)])
        relaying = Relaying(installation)
        relaying.start()
        await _emptied(installation)
        # An earlier state, as in a restored copy or a lagging replica: three messages were published since.
        tables = (
            "lanes",
            "claims",
            "timeline",
            "dedup_keys",
            "contact_scores",
            "ranks",
            "outbox_heads",
            "relay_floors",
        )
        for table in tables:
            await connection.execute(f"create table kept_{table} as select * from {table}")
        for number in range(3, 6):
            await ingest.batch([live_event(number)])
        await _emptied(installation)
        async with connection.transaction():
            await connection.execute("truncate outbox")
            for table in tables:
                await connection.execute(f"delete from {table}")
                await connection.execute(f"insert into {table} select * from kept_{table}")
    # The lost batches come again from Kafka, and another event besides.
    async with service.running(installation.dsn) as ingest:
        for number in range(3, 7):
            await ingest.batch([live_event(number)])
    await _emptied(installation)
    await relaying.stop()

    assert await connection.fetchval("select incarnation from installation") == 2
    messages = await installation.messages(SCORE_CHANGED_TOPIC)
    first = [message["data"]["version"] for message in messages if message["id"].startswith("1:")]
    again = [message["data"]["version"] for message in messages if message["id"].startswith("2:")]
    assert first == [1, 2, 3, 4, 5, 6]
    assert again == [4, 5, 6, 7], "nothing that the database holds is skipped"
    xp = [message["id"] for message in await installation.messages(XP_CREDITED_TOPIC)]
    assert len(xp) == len(set(xp)) == 10
    await connection.close()


async def test_the_floor_stands_in_for_a_position_that_kafka_forgot(installation: Installation) -> None:
    """If Kafka has no position a shard starts at its floor, within a row too: no message is published twice."""
    await installation.create_topics()
    await installation.apply(document())
    async with service.running(installation.dsn) as ingest:
        await ingest.batch([live_event(number, subject=f"contact-{number}") for number in range(5)])
    connection = await asyncpg.connect(installation.dsn)
    assert await outbox_rows(installation) == 1

    acknowledged: list[float] = []

    async def publish(at_most: list[int], group: str) -> list[int]:
        shard = ShardPublisher(0, TransactionalPublisher(installation.settings(kafka_group=group), 0))
        await shard.start(connection)
        published = []
        for count in at_most:
            shard.size.messages = count
            published.append(await shard.publish_due(connection, acknowledged.append))
        await shard.discard()
        return published

    # The second time only the floor is raised.
    assert await publish([2, 0], installation.prefix) == [2, 0]
    assert acknowledged == [], "a row is acknowledged when all of it is published"
    # Kafka has no position of another group.
    await publish([2] * 5, f"{installation.prefix}forgotten")
    assert len(acknowledged) == 1
    await connection.close()
    ids = [
        message["id"]
        for topic in (SCORE_CHANGED_TOPIC, XP_CREDITED_TOPIC)
        for message in await installation.messages(topic)
    ]
    assert len(ids) == len(set(ids)) == 10


async def test_a_backlog_is_read_once(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relay reads the messages that it publishes and no others, however they lie in the rows of the outbox."""
    await installation.create_topics()
    await installation.apply(document())
    async with service.running(installation.dsn) as ingest:
        for batch in range(6):
            await ingest.batch([live_event(3 * batch + number, subject="ann") for number in range(3)])
    connection = await asyncpg.connect(installation.dsn)
    waiting = await connection.fetchval("select sum(head) from outbox_heads")
    shard = ShardPublisher(0, TransactionalPublisher(installation.settings(), 0))
    await shard.start(connection)
    fetch, read = asyncpg.Connection.fetch, 0

    async def counted(
        connection: postgres.Connection, statement: str, *arguments: object
    ) -> list[asyncpg.Record]:
        nonlocal read
        rows = await fetch(connection, statement, *arguments)
        read += sum(len(row["facts"] or ()) for row in rows if "facts" in row.keys())  # noqa: SIM118 - a record
        return rows

    monkeypatch.setattr(asyncpg.Connection, "fetch", counted)
    published, shard.size.messages = 0, 5
    while advanced := await shard.publish_due(connection, lambda _: None):
        published += advanced
    await shard.discard()
    await connection.close()
    assert published == read == waiting > 20
    assert await outbox_rows(installation) == 0


async def test_a_shard_advances_past_dead_letters_that_were_discarded(installation: Installation) -> None:
    """Positions of discarded dead letters count as advanced: the relay goes on at once and empties the outbox."""
    await installation.create_topics()
    await installation.apply(document())
    async with service.running(installation.dsn) as ingest:
        assert await ingest.batch([live_event(0, subject=None)]) == ["dead attribute_missing"]
    connection = await asyncpg.connect(installation.dsn)
    await connection.execute("delete from dead_letters")

    shard = ShardPublisher(0, TransactionalPublisher(installation.settings(), 0))
    await shard.start(connection)
    assert [await shard.publish_due(connection, lambda _: None) for _ in range(2)] == [1, 0]
    await shard.discard()
    await connection.close()
    assert await outbox_rows(installation) == 0


async def test_shards_are_shared_and_taken_over(installation: Installation) -> None:
    """Two relays share the shards; what one releases the other has at once, and no message is published twice."""
    await installation.create_topics()
    await installation.apply(document())
    one, other = Relaying(installation), Relaying(installation)
    one.start()
    await eventually(lambda: one.leases.held() == {0, 1, 2, 3}, within=10, what="all shards held by one")
    other.start()
    await eventually(
        lambda: len(one.leases.held()) == len(other.leases.held()) == 2, within=10, what="shards shared"
    )
    assert not one.leases.held() & other.leases.held()
    async with service.running(installation.dsn) as ingest:
        await ingest.batch([live_event(0)])
        await _emptied(installation)
        await one.stop()
        await eventually(lambda: other.leases.held() == {0, 1, 2, 3}, within=5, what="shards taken over")
        await ingest.batch([live_event(1)])
        await _emptied(installation)
    await other.stop()
    assert await _published_numbers(installation) == [1, 2]


async def test_a_frozen_broker(fragile: Fragile) -> None:
    """While a broker is frozen publishers are discarded; afterwards each message is there once, in order."""
    installation = fragile.installation
    await installation.create_topics()
    await installation.apply(document())
    relaying = Relaying(installation)
    async with service.running(installation.dsn) as ingest:
        relaying.start()
        await ingest.batch([live_event(0)])
        await _emptied(installation)
        fragile.kafka.freeze()
        try:
            for number in range(1, 6):
                await ingest.batch([live_event(number)])
                relaying.relay.wake()
            failed = relaying.metrics.relay_transactions.labels("aborted")
            await eventually(lambda: failed._value.get() >= 2, within=60, what="two publishers given up")
            assert not relaying.health.ready()
        finally:
            fragile.kafka.thaw()
        await _emptied(installation)
        await relaying.stop()
    assert await _published_numbers(installation) == [1, 2, 3, 4, 5, 6]


async def test_plain_mode(installation: Installation) -> None:
    """For a broker without transactions: everything at least once, in order, ids telling repeats."""
    await installation.create_topics()
    await installation.apply(document())
    relaying = Relaying(installation)
    relaying.start(relay="plain")
    async with service.running(installation.dsn) as ingest:
        for number in range(5):
            await ingest.batch([live_event(number)])
    await _emptied(installation)
    await relaying.stop()
    assert list(dict.fromkeys(await _published_numbers(installation))) == [1, 2, 3, 4, 5]
