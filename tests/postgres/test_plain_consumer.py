"""The plain consumer of bench/ on a real database, beside its oracle."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import asyncpg
import msgspec
import pytest

from bench.plain_batch import TABLES, Event, store
from bench.plain_oracle import PlainExpected, Published, compare_plain
from bench.traffic import Shape, draw

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    Connection = asyncpg.Connection[asyncpg.Record]

# Short and busy, so that cooldowns, objects and duplicates meet within and across batches.
SHAPE = Shape(late=0.2, duplicates=0.1, hot=0.5, spread=timedelta(days=2))
RECORDS = 3000
TOGETHER = 250


@pytest.fixture
async def connection(empty_database: str) -> AsyncIterator[Connection]:
    opened = await asyncpg.connect(empty_database)
    await opened.execute(TABLES)
    yield opened
    await opened.close()


async def consume(connection: Connection) -> tuple[list[bytes], PlainExpected]:
    """Let it store a traffic batch by batch; return its messages and what it should have done."""
    records = list(draw(1, RECORDS, SHAPE))
    expected, messages = PlainExpected(), []
    for record in records:
        expected.add(record)
    for start in range(0, RECORDS, TOGETHER):
        events = [msgspec.json.decode(each.value, type=Event) for each in records[start : start + TOGETHER]]
        messages += [message for _, message in await store(connection, events)]
    return messages, expected


def read(messages: list[bytes]) -> Published:
    published = Published()
    for message in messages:
        published.add(message)
    return published


async def test_it_does_what_its_oracle_expects(connection: Connection) -> None:
    """Timeline, scores and messages are what its rules make of a traffic with late events and duplicates."""
    messages, expected = await consume(connection)
    assert await compare_plain(connection, read(messages), expected) == []
    counted = await connection.fetchval("select count(*) from timeline where points > 0")
    assert 0 < counted < expected.rows < RECORDS * 2


async def test_a_batch_again_changes_nothing(connection: Connection) -> None:
    """Records that are read again, as after a kill before the offsets were committed, are duplicates."""
    event = msgspec.json.decode(next(draw(1, 1)).value, type=Event)
    assert len(await store(connection, [event, event])) == 1
    assert await store(connection, [event]) == []
    assert await connection.fetchval("select count(*) from timeline") in (1, 2)


@pytest.mark.parametrize(
    ("statement", "wrong"),
    [
        ("update scores set points = points + 1 where ctid = (select min(ctid) from scores)", "scores"),
        ("delete from timeline where ctid = (select min(ctid) from timeline)", "timeline"),
    ],
)
async def test_a_wrong_database_is_found(connection: Connection, statement: str, wrong: str) -> None:
    """One score or row that differs fails the measurement."""
    messages, expected = await consume(connection)
    await connection.execute(statement)
    assert await compare_plain(connection, read(messages), expected) == [wrong]


async def test_a_lost_message_is_found(connection: Connection) -> None:
    """A message that was not published fails the measurement, whether another followed it or not."""
    messages, expected = await consume(connection)
    last = read(messages[:-1])
    assert await compare_plain(connection, last, expected) == ["messages"]
    hot = next(place for place, each in enumerate(messages) if b'"contact-0"' in each)
    without = read(messages[:hot] + messages[hot + 1 :])
    assert await compare_plain(connection, without, expected) == ["previous scores in messages"]
