"""Lag: the gauges of lanes that are stopped, move, and have caught up, and what Kafka's own tools show.

Backlogs are written in transactions here: their markers take offsets in the log and are no records.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

import asyncpg
import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from consumer.infra import postgres
from consumer.infra.postgres.connection_keeper import ConnectionKeeper
from consumer.lanes import operations
from consumer.worker.app import Worker
from tests.builders.catalog_documents import document
from tests.builders.events import live_event
from tests.builders.kafka_records import structured_record
from tests.kafka.worker_in_process import working
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from consumer.domain.model import Record
    from consumer.lanes.positions import LaneKey
    from tests.kafka.installation import Installation
    from tests.servers.broker import KafkaServer

pytestmark = pytest.mark.real_kafka

DEALS: LaneKey = ("deals", 0)
EMAILS: LaneKey = ("emails", 0)
# Seconds: what a gauge says was true at most so long ago.
FRESH = 1.0


@pytest.fixture
async def keeper(installation: Installation) -> AsyncIterator[ConnectionKeeper]:
    """Give what commands on lanes work with."""
    given = ConnectionKeeper(partial(postgres.connect, installation.dsn))
    yield given
    given.drop()


@pytest.fixture
async def observer(installation: Installation) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """Give a connection to look at lanes by."""
    connection = await asyncpg.connect(installation.dsn)
    yield connection
    await connection.close()


def backlog(lane: LaneKey, count: int, *, begun: timedelta = timedelta(hours=1)) -> list[Record]:
    """Make records of a lane, spread over the first quarter of the time since it began to wait."""
    now = datetime.now(UTC).replace(microsecond=0)
    return [
        structured_record(
            live_event(0, id=f"{lane}-{place}-{now}", timestamp=now - begun * (1 - place / count / 4)),
            *lane,
            0,
        )
        for place in range(count)
    ]


async def send(installation: Installation, records: list[Record], *, each: int = 2) -> list[Record]:
    """Send records, so many in each transaction; returns them with the offsets that they were given."""
    sent: list[Record] = []
    async with AIOKafkaProducer(
        bootstrap_servers=installation.bootstrap, transactional_id=f"{installation.prefix}upstream"
    ) as producer:
        remaining = iter(records)
        while part := list(islice(remaining, each)):
            async with producer.transaction():
                futures = [
                    await producer.send(
                        f"{installation.prefix}{record.topic}",
                        record.value,
                        partition=record.partition,
                        timestamp_ms=record.timestamp,
                        headers=list(record.headers),
                    )
                    for record in part
                ]
                sent += [
                    msgspec.structs.replace(record, offset=where.offset)
                    for record, where in zip(part, await asyncio.gather(*futures), strict=True)
                ]
    return sent


@dataclass(frozen=True)
class Gauges:
    """What a worker exports of the lag of one lane; None where it exports nothing."""

    worker: Worker
    lane: LaneKey

    @property
    def records(self) -> float | None:
        """The lag in records."""
        return self._value("lane_lag_records")

    @property
    def seconds(self) -> float | None:
        """The age of the oldest of them."""
        return self._value("lane_lag_seconds")

    def _value(self, name: str) -> float | None:
        labels = {"topic": self.lane[0], "partition": str(self.lane[1])}
        return self.worker.metrics.registry.get_sample_value(f"engagement_{name}", labels)


def age(record: Record) -> float:
    """Return how long ago a record is dated, in seconds."""
    assert record.timestamp is not None
    return time.time() - record.timestamp / 1000


async def test_a_lane_that_stands_still(installation: Installation, keeper: ConnectionKeeper) -> None:
    """Its lag is the number of records, markers apart, and the age of the first, though more come and some go."""
    await installation.create_topics()
    await installation.apply(document())
    async with working(installation) as worker:
        await worker.until_handled(*await installation.produce_raw(backlog(DEALS, 3)))
        await operations.pause(keeper, DEALS)
        gauges = Gauges(worker.worker, DEALS)
        waiting = await send(installation, backlog(DEALS, 9))
        await eventually(lambda: gauges.records == 9, within=5, what="the records that wait, without markers")
        assert gauges.seconds == pytest.approx(age(waiting[0]), rel=0.005)
        await send(installation, backlog(DEALS, 4, begun=timedelta(minutes=1)))
        await eventually(lambda: gauges.records == 13, within=5, what="those that came later to be counted")
        assert gauges.seconds == pytest.approx(age(waiting[0]), rel=0.005)
        await installation.truncate("deals", before=waiting[1].offset)
        await eventually(
            lambda: gauges.seconds == pytest.approx(age(waiting[1]), rel=0.005),
            within=8,
            what="the first one that is left",
        )
        assert gauges.records == 13, "what retention took was never processed"


async def test_lanes_that_move(
    installation: Installation,
    observer: asyncpg.Connection[asyncpg.Record],
    report_line: Callable[[str], None],
) -> None:
    """While a backlog of an hour is worked off, each lane's lag is the age of its oldest record, to a tenth."""
    await installation.create_topics(3)
    await installation.apply(document())
    sent = {number: await send(installation, backlog(("deals", number), 160), each=40) for number in range(3)}
    truths: dict[int, list[tuple[float, float]]] = {number: [] for number in sent}
    compared = 0
    worst = at_once = 0.0

    async def worked_off(worker: Worker) -> bool:
        nonlocal compared, worst, at_once
        rows = await observer.fetch("select partition, next_offset from lanes where topic = 'deals'")
        lagging = False
        for number, next_offset in rows:
            oldest = next((record for record in sent[number] if record.offset >= next_offset), None)
            if oldest is None:
                continue
            lagging = True
            now = time.monotonic()
            truths[number].append((now, age(oldest)))
            if now - truths[number][0][0] > FRESH:
                recent = [truth for at, truth in truths[number] if now - at <= FRESH]
                shown = Gauges(worker, ("deals", number)).seconds
                assert shown is not None
                error = max(shown / max(recent), min(recent) / shown) - 1
                worst = max(worst, error)
                at_once = max(at_once, abs(shown / recent[-1] - 1))
                compared += 1
        return bool(rows) and not lagging

    # A transaction for each record: slow enough to be looked at.
    async with working(installation, batch_records="1", pipelines="1") as worker:
        await eventually(lambda: worked_off(worker.worker), within=40, every=0.05, what="all worked off")
    assert compared > 20
    assert worst < 0.1
    report_line(
        f"lag of moving lanes: {worst:.1%} off at most what was true within the last second, "
        f"{at_once:.1%} what was true at the moment, of {compared} looks"
    )


async def test_nothing_is_left(
    installation: Installation,
    keeper: ConnectionKeeper,
    observer: asyncpg.Connection[asyncpg.Record],
    report_line: Callable[[str], None],
) -> None:
    """When everything is processed the lag is 0 within a second of the commit, though other lanes are stopped."""
    await installation.create_topics()
    await installation.apply(document())
    took = []
    async with working(installation) as worker:
        gauges, other = Gauges(worker.worker, DEALS), Gauges(worker.worker, EMAILS)
        await operations.pause(keeper, EMAILS)
        await send(installation, backlog(EMAILS, 5))
        for _ in range(4):
            await operations.pause(keeper, DEALS)
            [*_, last] = await send(installation, backlog(DEALS, 5))
            await eventually(lambda: gauges.records == 5, within=3, what="the lag to be shown")
            await operations.resume(keeper, DEALS)

            async def committed(end: int = last.offset + 1) -> bool:
                return bool(
                    end == await observer.fetchval("select next_offset from lanes where topic = 'deals'")
                )

            await eventually(committed, within=10, every=0.005, what="everything processed")
            began = time.monotonic()
            await eventually(lambda: gauges.seconds == 0, within=5, every=0.005, what="no lag")
            took.append(time.monotonic() - began)
            assert gauges.records == 0
        assert other.records == 5
    assert max(took) < FRESH
    report_line(f"lag: 0 at most {max(took):.2f} s after the commit, of {len(took)} times")


async def test_a_lane_without_an_owner(installation: Installation) -> None:
    """A process that only relays shows the lag of lanes that no worker reads."""
    await installation.create_topics()
    await installation.apply(document())
    async with working(installation) as worker:
        await worker.until_handled(*await send(installation, backlog(DEALS, 3)))
    waiting = await send(installation, backlog(DEALS, 7))
    relaying = Worker(installation.settings())
    task = asyncio.create_task(relaying.run("relay"))
    try:
        gauges = Gauges(relaying, DEALS)
        await eventually(lambda: gauges.records == 7, within=10, what="the lag to be shown")
        assert gauges.seconds == pytest.approx(age(waiting[0]), rel=0.1)
        assert Gauges(relaying, EMAILS).seconds == 0
        assert relaying.metrics.registry.get_sample_value("engagement_lanes_unowned") == 9
    finally:
        relaying.stopping.set()
        await task


async def test_other_peoples_tools(
    installation: Installation, keeper: ConnectionKeeper, kafka_server: KafkaServer
) -> None:
    """Kafka's own tool shows each lane's position, idle and paused ones too, and no lag at transaction markers."""
    await installation.create_topics(2)
    await installation.apply(document())
    async with working(installation) as worker:
        await operations.pause(keeper, EMAILS)
        await worker.until_handled(*await send(installation, backlog(DEALS, 4)))
    await installation.produce_raw(backlog(EMAILS, 3))
    # A group of which nothing is known: of lanes without traffic it may have been forgotten.
    group = f"{installation.prefix}forgotten"
    async with working(installation, kafka_group=group) as worker:
        await worker.until_handled(*await installation.produce_raw(backlog(("deals", 1), 2)))

        async def described() -> dict[LaneKey, tuple[str, str, str]]:
            said = await kafka_server.run_tool(
                "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
                *("--bootstrap-server", installation.bootstrap, "--describe", "--group", group),
            )
            rows = [line.split() for line in said.splitlines() if line.startswith(group)]
            found = {
                (topic.removeprefix(installation.prefix), int(number)): (current, end, lag)
                for _, topic, number, current, end, lag, *_ in rows
            }
            assert len(found) == 18
            assert found["deals", 0] == ("6", "6", "0")
            assert found["deals", 1] == ("2", "2", "0")
            assert found[EMAILS] == ("0", "3", "3")
            return found

        found = await eventually(described, within=20, what="the group's offsets to be committed")
    idle = found.keys() - {("deals", 0), ("deals", 1), EMAILS}
    assert {found[lane] for lane in idle} == {("0", "0", "0")}
