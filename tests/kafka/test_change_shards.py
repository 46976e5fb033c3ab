"""The number of shards changes in operation: no message lost, doubled or out of order."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import pytest

from consumer.__main__ import main
from consumer.relay.change_shards import OutboxNotDrainedError, change_shards, read_shards
from consumer.scoring.verify import verify
from schemas.vocabulary import SCORE_CHANGED_TOPIC, XP_CREDITED_TOPIC
from tests.builders.catalog_documents import document
from tests.builders.events import live_event
from tests.kafka.delivery_checks import outbox_rows
from tests.kafka.relay_in_process import Relaying
from tests.pipeline import service
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.kafka.installation import Installation

pytestmark = pytest.mark.real_kafka

_CONTACTS = [f"contact-{number}" for number in range(6)]


async def test_shards_change_while_batches_are_committed(installation: Installation) -> None:
    """From four shards to one, to three and back, under load: each contact's versions are read in order, once."""
    await installation.create_topics(3)
    await installation.apply(document())
    relaying = Relaying(installation)
    relaying.start()
    connection = await asyncpg.connect(installation.dsn)
    done = asyncio.Event()
    sent = 0

    async def feed() -> None:
        nonlocal sent
        # A lane each, so that contacts are first seen in different slices.
        starts = {("deals", partition): 0 for partition in range(6)}
        async with service.running(installation.dsn) as worker:
            await worker.take_lanes(starts)
            while not done.is_set():
                for partition, contact in enumerate(_CONTACTS):
                    feed = service.Feed(partition=partition, next_offset=sent)
                    await worker.process(feed.records([live_event(sent * 6 + partition, subject=contact)]))
                sent += 1
                relaying.relay.wake()

    async def more_batches() -> None:
        reached = sent + 5
        await eventually(lambda: sent >= reached, within=20, what="more batches")

    feeding = asyncio.create_task(feed())
    try:
        for shards, before in ((1, 4), (3, 1), (4, 3)):
            await more_batches()
            assert await change_shards(connection, shards) == before
            assert await read_shards(connection) == shards
        await more_batches()
    finally:
        done.set()
        await feeding

    async def published() -> bool:
        return await outbox_rows(installation) == 0

    await eventually(published, within=30, what="everything published")
    await relaying.stop()
    versions: dict[str, list[int]] = {contact: [] for contact in _CONTACTS}
    for message in await installation.messages(SCORE_CHANGED_TOPIC):
        versions[message["subject"]].append(message["data"]["version"])
    assert versions == {contact: list(range(1, sent + 1)) for contact in _CONTACTS}
    ids = [message["id"] for message in await installation.messages(XP_CREDITED_TOPIC)]
    assert len(ids) == len(set(ids)) == sent * 6
    used = await connection.fetch("select shard from outbox_heads where head > 0 order by shard")
    assert [row["shard"] for row in used] == [0, 1, 2, 3]
    assert not (await verify(installation.dsn)).differences
    await connection.close()


async def test_without_a_relay_nothing_changes(installation: Installation) -> None:
    """Messages that nobody publishes keep the number as it is, and batches go on."""
    await installation.apply(document())
    connection = await asyncpg.connect(installation.dsn)
    async with service.running(installation.dsn) as worker:
        await worker.batch([live_event(0)])
        with pytest.raises(OutboxNotDrainedError, match="is a relay running"):
            await change_shards(connection, 1, patience=0.2)
        assert await read_shards(connection) == 4
        assert await worker.batch([live_event(1)]) == ["applied"]
    await connection.close()


async def test_the_command(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It prints the number, changes it, and refuses one that the topic for positions has no partitions for."""
    for name, value in installation.environment().items():
        monkeypatch.setenv(name, value)
    assert await asyncio.to_thread(main, ["shards"]) == 0
    assert await asyncio.to_thread(main, ["shards", "2"]) == 1
    printed = capsys.readouterr()
    assert printed.out == "4\n"
    assert "positions has 0 partitions: create it with `engagement topics`" in printed.err
    await installation.create_topics()
    assert await asyncio.to_thread(main, ["shards", "2"]) == 0
    assert await asyncio.to_thread(main, ["shards"]) == 0
    assert capsys.readouterr().out == "2 shards, before 4\n2\n"
    with pytest.raises(SystemExit, match="2"):
        main(["shards", "17"])
