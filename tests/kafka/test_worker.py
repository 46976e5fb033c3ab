"""Chapter one of the worker on a real broker: what goes in, what comes out, and what takes effect when."""

from __future__ import annotations

import asyncio
import gc
import time
import warnings
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.new_partitions import NewPartitions

from consumer.domain.model import Record
from consumer.infra import postgres
from schemas.published import ScoreChanged, XpCredited
from schemas.vocabulary import DEAD_LETTERS_TOPIC, SCORE_CHANGED_TOPIC, XP_CREDITED_TOPIC
from tests.builders.catalog_documents import definition, document
from tests.builders.events import live_event
from tests.kafka.installation import Installation, headers_of
from tests.kafka.worker_in_process import Working, working
from tests.oracle import event_key
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiokafka import ConsumerRecord

pytestmark = pytest.mark.real_kafka


async def read_messages(installation: Installation, topic: str, count: int) -> list[ConsumerRecord]:
    """Wait until a topic has this many messages and return them."""

    async def enough() -> list[ConsumerRecord] | None:
        found = await installation.read(topic)
        return found if len(found) >= count else None

    found: list[ConsumerRecord] | None = await eventually(
        enough, within=10, what=f"{count} messages on {topic}"
    )
    assert found is not None
    assert len(found) == count
    return found


async def test_one_event_through_everything(installation: Installation) -> None:
    """A deal won twice ends as two linked score messages and two credits that any reader can check."""
    await installation.create_topics()
    await installation.apply(document())
    async with working(installation) as worker:
        for number in (1, 2):
            [sent] = await installation.produce([live_event(number)])
            await worker.until_handled(sent)
            assert worker.outcome(sent) == "applied"
        scores = await read_messages(installation, SCORE_CHANGED_TOPIC, 2)
        credited = await read_messages(installation, XP_CREDITED_TOPIC, 2)

    for record in (*scores, *credited):
        assert headers_of(record) == {"content-type": b"application/cloudevents+json"}
    assert [record.key for record in scores] == [b"acme:lead_score:ann"] * 2
    assert [record.key for record in credited] == [b"acme:rosa"] * 2
    first, second = (ScoreChanged.model_validate_json(record.value) for record in scores)
    assert (first.id, second.id) == ("1:acme:lead_score:ann:1", "1:acme:lead_score:ann:2")
    assert (first.data.overall.previous, first.data.overall.current) == (0, 10)
    assert (second.data.overall.previous, second.data.overall.current) == (10, 20)
    assert second.data.groups["purchase"] == second.data.overall
    assert [event.id for event in second.data.events] == ["evt-2"]
    assert (second.data.causes, second.data.event_count) == (["events"], 1)
    earned = [XpCredited.model_validate_json(record.value) for record in credited]
    assert [credit.id for credit in earned] == [
        f"1:acme:{event_key('/crm', f'evt-{number}').hex()}:won:1" for number in (1, 2)
    ]
    assert [(credit.data.amount, credit.data.contact, credit.subject) for credit in earned] == [
        (5, "ann", "rosa")
    ] * 2


async def test_a_dead_letter_byte_for_byte(installation: Installation) -> None:
    """What could not be an event is published with its own key, bytes and headers, then ours; others are fine."""
    await installation.create_topics()
    await installation.apply(document())
    headers = (
        ("content-type", b"application/cloudevents+json"),
        ("trace", b"\x00\xff"),
        ("trace", None),
        ("trace", b""),
    )
    now = int(time.time() * 1000)
    broken = Record("deals", 0, 0, now, b"\xfe key", b'{"specversion": \xff', headers)
    async with working(installation) as worker:
        [neighbour] = await installation.produce([live_event(1)])
        [sent] = await installation.produce_raw([broken])
        await worker.until_handled(neighbour, sent)
        assert (worker.outcome(neighbour), worker.outcome(sent)) == ("applied", "dead")
        [letter] = await read_messages(installation, DEAD_LETTERS_TOPIC, 1)

    assert (letter.key, letter.value) == (broken.key, broken.value)
    assert tuple(letter.headers[:4]) == headers
    names = [name for name, _ in letter.headers[4:]]
    assert names == [f"engagement-{name}" for name in ("reason", "detail", "topic", "partition", "offset")]
    ours = dict(letter.headers[4:])
    assert ours["engagement-reason"] == b"not_json"
    assert (ours["engagement-topic"], ours["engagement-partition"]) == (b"deals", b"0")
    assert ours["engagement-offset"] == str(sent.offset).encode()


async def test_every_compression_is_read(installation: Installation) -> None:
    """Records are applied whatever compression their producer chose."""
    await installation.create_topics()
    await installation.apply(document())
    async with working(installation) as worker:
        for number, compression in enumerate((None, "gzip", "snappy", "lz4", "zstd")):
            sent = await installation.produce([live_event(number)], compression=compression)
            await worker.until_handled(*sent)
            assert [worker.outcome(record) for record in sent] == ["applied"]


async def test_where_a_lane_starts(installation: Installation) -> None:
    """Never seen, a lane starts at the log's end under START=latest; a partition added to a known topic at 0."""
    await installation.create_topics()
    await installation.apply(document())
    [early] = await installation.produce([live_event(1)])
    async with working(installation, start="latest") as worker:
        [late] = await installation.produce([live_event(2)])
        await worker.until_handled(late)
        assert worker.outcome(early) is None

    admin = AIOKafkaAdminClient(bootstrap_servers=installation.bootstrap)
    await admin.start()
    try:
        await admin.create_partitions({f"{installation.prefix}deals": NewPartitions(2)})
    finally:
        await admin.close()
    [added] = await installation.produce([live_event(3)], partition=1)
    async with working(installation, start="latest") as worker:
        await worker.until_handled(added)
        assert worker.outcome(early) is None


async def test_a_lane_never_seen_starts_at_its_beginning(installation: Installation) -> None:
    """By default what was in the log before the first worker came is processed."""
    await installation.create_topics()
    await installation.apply(document())
    sent = await installation.produce([live_event(1), live_event(2)])
    async with working(installation) as worker:
        await worker.until_handled(*sent)


async def test_positions_are_shown_to_the_group(installation: Installation) -> None:
    """Lag tools see the positions under the group's name, other lanes' too where one is stopped."""
    await installation.create_topics()
    await installation.apply(document())
    stopped = ("messages", 0)
    now = int(time.time() * 1000)
    dead = [Record(*stopped, 0, now, None, b"broken %d" % number) for number in range(100)]
    admin = AIOKafkaAdminClient(bootstrap_servers=installation.bootstrap)
    await admin.start()
    try:
        async with working(installation) as worker:
            await worker.until_handled(*await installation.produce_raw(dead))
            assert worker.worker.lanes[stopped].stopped == "dead_letters"
            sent = await installation.produce([live_event(1), live_event(2)])
            await worker.until_handled(*sent)

            async def shown() -> None:
                offsets = await admin.list_consumer_group_offsets(f"{installation.prefix}group")
                found = {partition.topic: offset.offset for partition, offset in offsets.items()}
                assert found.get(f"{installation.prefix}deals") == 2

            async def check() -> bool:
                await shown()
                return True

            await eventually(check, within=10, what="the group's offsets")
    finally:
        await admin.close()


async def test_a_change_of_the_catalog_is_taken_within_two_seconds(
    installation: Installation, report_line: Callable[[str], None]
) -> None:
    """An event produced when `apply` has returned is judged by the new catalog within 2 s, without a restart."""
    await installation.create_topics()
    await installation.apply(document())
    taken = []
    async with working(installation) as worker:
        await worker.until_handled(*await installation.produce([live_event(1)]))
        for number in range(3):
            kind = f"track.page{number}"
            await installation.apply(document(definitions=[definition(f"page{number}", kind)]))
            applied_at = time.monotonic()
            [sent] = await installation.produce([live_event(10 + number, type=kind)])
            await worker.until_handled(sent)
            taken.append(time.monotonic() - applied_at)
            assert worker.outcome(sent) == "applied"
    assert max(taken) < 2
    report_line(f"a change of the catalog was taken after {max(taken):.2f} s at most")


async def test_an_unknown_event_stays_in_the_inbox_of_a_worker_that_ended(installation: Installation) -> None:
    """A worker that ends in order has written down every unknown event it counted."""
    await installation.create_topics()
    await installation.apply(document())
    async with working(installation) as worker:
        for number in range(3):
            await worker.until_handled(
                *await installation.produce([live_event(number, type="track.unknown")])
            )
    assert await _inbox(installation) == {"track.unknown": 3}


async def test_a_cancelled_worker_leaves_no_connection_open(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelled right after it opened its first, second … connection, or at rest, a worker has closed them all."""
    await installation.create_topics()
    await installation.apply(document())
    opened: list[postgres.Connection] = []
    wanted, reached = 0, asyncio.Event()
    connect = postgres.connect

    async def watched(*arguments: Any, **options: Any) -> postgres.Connection:
        opened.append(await connect(*arguments, **options))
        if len(opened) == wanted:
            reached.set()
        return opened[-1]

    monkeypatch.setattr(postgres, "connect", watched)
    for wanted in (1, 2, 4, 7, 10, 0):
        opened.clear()
        reached.clear()
        worker = Working(installation)
        task = asyncio.create_task(worker.worker.run())
        if wanted:
            await reached.wait()
        else:
            await worker.until_handled(*await installation.produce([live_event(1)]))
        task.cancel()
        # aiokafka leaves a connection to the garbage collector if it is cancelled before it knows the cluster.
        with warnings.catch_warnings(action="ignore", category=ResourceWarning):
            with pytest.raises(asyncio.CancelledError):
                await task
            gc.collect()
        assert [connection for connection in opened if not connection.is_closed()] == []


async def _inbox(installation: Installation) -> dict[str, int]:
    connection = await asyncpg.connect(installation.dsn)
    try:
        return {row["type"]: row["count"] for row in await connection.fetch("select type, count from inbox")}
    finally:
        await connection.close()
