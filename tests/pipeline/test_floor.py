"""The floor follows what is published, and is raised beside the next messages; by a publisher without Kafka."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from consumer.infra import postgres
from consumer.relay import shard_publisher
from consumer.relay.plain_publisher import DeliveryInDoubtError, PublishedPosition
from consumer.relay.shard_publisher import ShardPublisher
from tests.builders.catalog_documents import document
from tests.builders.events import numbered_event
from tests.pipeline import service

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from consumer.infra.postgres.connection import Connection
    from consumer.relay.outbox_messages import OutgoingMessage


class _Publisher:
    """Keeps the positions that it is to publish. sending: runs while it does so."""

    def __init__(self, sending: Callable[[PublishedPosition], Coroutine[None, None, None]]) -> None:
        self.positions: list[PublishedPosition] = []
        self._sending = sending

    async def start(self) -> None:
        return None

    async def send(
        self, _messages: Sequence[OutgoingMessage], position: PublishedPosition, _at: int | None = None
    ) -> None:
        self.positions.append(position)
        await self._sending(position)

    async def discard(self) -> None:
        return None


async def _floor(connection: Connection) -> int:
    floor: int = await connection.fetchval("select sum(floor)::bigint from relay_floors")
    return floor


async def test_the_floor_is_raised_while_messages_are_sent(database: str, connection: Connection) -> None:
    """No message waits for the commit by which Postgres knows of those before it."""
    watching = await postgres.connect(database)
    before = 0

    async def until_raised(position: PublishedPosition) -> None:
        async with asyncio.timeout(10):
            while await _floor(watching) < before:  # noqa: ASYNC110 - Postgres has no event for it
                await asyncio.sleep(0)
        assert position.floor <= before < position.number

    publisher = _Publisher(until_raised)
    shard = ShardPublisher(0, publisher)
    async with service.running(database) as worker:
        await worker.apply(document())
        await shard.start(connection)
        for number in range(3):
            await worker.batch([numbered_event(number)])
            before += await shard.publish_due(connection, lambda _: None)
    await watching.close()
    assert [one.number for one in publisher.positions] == sorted({one.number for one in publisher.positions})
    assert await _floor(connection) < before == publisher.positions[-1].number
    assert await shard.publish_due(connection, lambda _: None) == 0
    assert await _floor(connection) == before


async def test_published_rows_stay_for_a_while(
    database: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows are deleted by age or number once all of their messages are published, and no others."""

    async def succeed(_position: PublishedPosition) -> None:
        return

    async def positions() -> list[int]:
        rows = await connection.fetch("select first_position from outbox order by first_position")
        return [row["first_position"] for row in rows]

    shard = ShardPublisher(0, _Publisher(succeed))
    async with service.running(database) as worker:
        await worker.apply(document())
        await shard.start(connection)
        for number in range(3):
            await worker.batch([numbered_event(number)])
        while await shard.publish_due(connection, lambda _: None):
            pass
        first, second, third = await positions()
        await worker.batch([numbered_event(3)])
    unpublished = await positions()
    assert unpublished[:-1] == [first, second, third]
    await shard.trim(connection)
    assert await positions() == unpublished
    monkeypatch.setattr(shard_publisher, "KEPT_MESSAGES", await _floor(connection) + 1 - third)
    await shard.trim(connection)
    assert await positions() == unpublished[2:]
    monkeypatch.setattr(shard_publisher, "KEPT_SECONDS", 0.0)
    await shard.trim(connection)
    assert await positions() == unpublished[3:]


@pytest.mark.parametrize("after", [0.0, 0.05], ids=["beside the statement", "after it"])
async def test_the_floor_stays_where_sending_fails(
    database: str, connection: Connection, after: float
) -> None:
    """Messages that may not have arrived stay in the outbox, and the connection can be used at once."""

    async def succeed(_position: PublishedPosition) -> None:
        return

    async def fail(_position: PublishedPosition) -> None:
        await asyncio.sleep(after)
        raise DeliveryInDoubtError("as if Kafka had not answered")

    async with service.running(database) as worker:
        await worker.apply(document())
        await worker.batch([numbered_event(0)])
        shard = ShardPublisher(0, _Publisher(succeed))
        await shard.start(connection)
        published = await shard.publish_due(connection, lambda _: None)
        await worker.batch([numbered_event(1)])
    shard._publisher = _Publisher(fail)
    with pytest.raises(DeliveryInDoubtError):
        await shard.publish_due(connection, lambda _: None)
    assert await _floor(connection) <= published
    assert await connection.fetchval("select count(*) from outbox where first_position > $1", published) == 1
