"""A relay that cannot publish gets out of the way of one that can, and one on a slow way to Kafka gets through."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg
import pytest

from schemas.vocabulary import MAX_SHARDS, POSITIONS_TOPIC, SCORE_CHANGED_TOPIC, XP_CREDITED_TOPIC
from tests.builders.catalog_documents import document
from tests.builders.events import live_event
from tests.kafka.database_clock import set_database_clock_back
from tests.kafka.delivery_checks import outbox_rows
from tests.kafka.installation import Installation
from tests.kafka.kafka_proxy import Api
from tests.kafka.relay_in_process import Relaying
from tests.pipeline import service
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.kafka.broker_with_proxy import Proxied
    from tests.kafka.kafka_proxy import Frame

pytestmark = pytest.mark.real_kafka

# Nothing listens there.
_NOWHERE = "127.0.0.1:1"


@asynccontextmanager
async def _relaying(installation: Installation, **settings: str) -> AsyncIterator[Relaying]:
    relaying = Relaying(installation)
    relaying.start(**settings)
    try:
        yield relaying
        assert not relaying.task.done()
    finally:
        relaying.task.cancel()
        await asyncio.wait([relaying.task])


async def _emptied(installation: Installation, *, within: float) -> None:
    async def published() -> bool:
        return await outbox_rows(installation) == 0

    await eventually(published, within=within, what="everything published")


def _fault(relaying: Relaying) -> str:
    return str(relaying.health.states().get("relay", {}).get("why"))


@pytest.fixture
async def behind_proxy(proxied: Proxied, database: str, topic_prefix: str) -> Installation:
    """Give an installation on the broker with the proxy; its own bootstrap goes past the proxy."""
    installation = Installation(database, proxied.server.bootstrap, topic_prefix)
    await installation.create_topics()
    await installation.apply(document())
    return installation


async def test_a_relay_that_never_heard_from_kafka_has_no_shards(installation: Installation) -> None:
    """One with a wrong bootstrap, started first, leaves every shard to a healthy one, and says why it has none."""
    await installation.create_topics()
    await installation.apply(document())
    async with _relaying(installation, kafka_bootstrap=_NOWHERE) as wrong:
        await eventually(
            lambda: "no shards" in _fault(wrong), within=15, what="it to say that it has no shards"
        )
        assert "Unable to bootstrap" in _fault(wrong)
        async with _relaying(installation) as healthy, service.running(installation.dsn) as ingest:
            await ingest.batch([live_event(number) for number in range(3)])
            await eventually(
                lambda: healthy.leases.held() == {0, 1, 2, 3}, within=10, what="it to have all shards"
            )
            await _emptied(installation, within=10)
            assert wrong.leases.held() == set()
            assert wrong.metrics.relay_transactions.labels("aborted")._value.get() == 0


async def test_a_relay_that_cannot_publish_releases_its_shards(
    behind_proxy: Installation, proxied: Proxied
) -> None:
    """One whose messages Kafka never acknowledges leaves its shards to another, until its probe is acknowledged."""
    installation = behind_proxy

    async def never(frame: Frame) -> bool:
        return frame.api == Api.PRODUCE

    async with _relaying(installation, kafka_bootstrap=proxied.bootstrap) as cut_off:
        await eventually(
            lambda: cut_off.leases.held() == {0, 1, 2, 3}, within=15, what="it to have all shards"
        )
        proxied.proxy.plans.append(never)
        async with service.running(installation.dsn) as ingest:
            await ingest.batch([live_event(number) for number in range(3)])
            cut_off.relay.wake()
            # The share of the second is half of the shards, whichever of the two it is that have messages.
            connection = await asyncpg.connect(installation.dsn)
            [shard] = [row["shard"] for row in await connection.fetch("select shard from outbox")]
            await connection.execute("delete from shard_leases where shard <> $1", shard)
            await connection.close()
            async with _relaying(installation) as healthy:
                await _emptied(installation, within=60)
                assert healthy.leases.held() == {shard}
                assert cut_off.leases.held() == set()
                await eventually(
                    lambda: "no shards" in _fault(cut_off) or "released" in _fault(cut_off),
                    within=10,
                    what="it to say so",
                )
            proxied.proxy.plans.clear()
            await eventually(
                lambda: cut_off.leases.held() == {shard} and cut_off.health.ready(),
                within=40,
                what="it to have the shard again",
            )


async def test_probes_are_no_messages(behind_proxy: Installation) -> None:
    """What a relay writes to show that it can publish is found under its own key among the positions only."""
    async with _relaying(behind_proxy) as relaying, service.running(behind_proxy.dsn) as ingest:
        await ingest.batch([live_event(0)])
        await eventually(lambda: len(relaying.leases.held()) == 4, within=10, what="it to have all shards")
        await _emptied(behind_proxy, within=10)
    keys = {record.key for record in await behind_proxy.read(POSITIONS_TOPIC)}
    group = f"{behind_proxy.prefix}{behind_proxy.prefix}group-relay-"
    assert keys - {f"{group}{shard}".encode() for shard in range(MAX_SHARDS)} == {f"{group}probe".encode()}
    found = [await behind_proxy.read(topic) for topic in (SCORE_CHANGED_TOPIC, XP_CREDITED_TOPIC)]
    assert list(map(len, found)) == [1, 1]


async def test_a_slow_way_gets_smaller_transactions(behind_proxy: Installation, proxied: Proxied) -> None:
    """Where a large transaction does not arrive in time a smaller one is tried, until it does: all is published."""
    installation = behind_proxy
    async with service.running(installation.dsn) as ingest:
        await ingest.batch([live_event(number, subject=f"contact-{number}") for number in range(400)])

    async def too_slow(frame: Frame) -> bool:
        return frame.api == Api.PRODUCE and len(frame.content) > 200_000

    proxied.proxy.plans.append(too_slow)
    async with _relaying(installation, kafka_bootstrap=proxied.bootstrap) as relaying:
        await _emptied(installation, within=60)
        assert relaying.metrics.relay_transactions.labels("aborted")._value.get() >= 1
    ids = [message["id"] for message in await installation.messages(SCORE_CHANGED_TOPIC)]
    assert len(ids) == len(set(ids)) == 400


async def test_messages_are_stamped_with_the_time_of_the_database(installation: Installation) -> None:
    """A machine two hours ahead of the database stamps no message and measures no latency by its own clock."""
    await installation.create_topics()
    await installation.apply(document())
    await set_database_clock_back(installation.dsn, "2 hours")
    async with _relaying(installation) as relaying, service.running(installation.dsn) as ingest:
        await ingest.batch([live_event(0)])
        await _emptied(installation, within=20)
    [record] = await installation.read(SCORE_CHANGED_TOPIC)
    assert abs(time.time() - 7200 - record.timestamp / 1000) < 60
    assert 0 <= relaying.metrics.publish_seconds._sum.get() < 60
