"""A broker that is away, frozen or back: calls are answered 503 in time, and images wait for it."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import asyncpg
import pytest

from consumer.web.tracker import pixel_queue
from tests.kafka.installation import Installation
from tests.tracker.site import serving
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.servers.broker import KafkaServer
    from tests.tracker.site import Site

pytestmark = [pytest.mark.real_kafka, pytest.mark.timeout(180)]

USER = {"userId": "ann"}


@asynccontextmanager
async def _site(kafka: KafkaServer, dsn: str, prefix: str, *, topics: bool = True) -> AsyncIterator[Site]:
    installation = Installation(dsn, kafka.bootstrap, prefix)
    if topics:
        await installation.create_topics(2)
    async with serving(installation) as made:
        if topics:
            await eventually(made.health.ready, within=20, what="the tracker to be ready")
        yield made
    installation.database.close()


async def test_a_broker_that_is_killed(
    breakable_kafka: KafkaServer, database: str, topic_prefix: str
) -> None:
    """Calls are 503 within seconds while it is away; then they go on, and images of meanwhile are there too."""
    async with _site(breakable_kafka, database, topic_prefix) as site:
        token = await site.token()
        assert (await site.post(token, "page", {**USER, "messageId": "before"})).status_code == 200
        await breakable_kafka.kill()
        try:
            began = time.monotonic()
            answer = await site.post(token, "page", {**USER, "messageId": "during"})
            assert (answer.status_code, answer.json()["reason"]) == (503, "unavailable")
            assert int(answer.headers["retry-after"]) > 0
            assert time.monotonic() - began < 8
            for number in range(20):
                image = await site.client.get(f"/v1/pixel.gif?t={token.key}&a=x{number}&e=page")
                assert image.status_code == 200
            await eventually(lambda: not site.health.ready(), within=10, what="readiness to say so")
        finally:
            await breakable_kafka.start()
        await eventually(site.health.ready, within=40, what="the tracker to be ready again")

        async def again() -> bool:
            return (await site.post(token, "page", {**USER, "messageId": "during"})).status_code == 200

        await eventually(again, within=20, what="calls to be accepted again")

        async def all_there() -> bool:
            events = await site.events(token.account)
            ids = {event["id"] for event in events}
            assert len(ids) == 22, ids
            return True

        await eventually(all_there, within=20, every=0.3, what="what was called and shown")
        assert site.metrics.tracker_dropped._value.get() == 0


async def test_images_are_dropped_when_there_is_no_room(
    breakable_kafka: KafkaServer, database: str, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without topics nothing can be written: images fill their queue, and what finds no room is counted."""
    monkeypatch.setattr(pixel_queue, "_MOST_RECORDS", 5)
    async with _site(breakable_kafka, database, topic_prefix, topics=False) as site:
        token = await site.token()
        for number in range(8):
            image = await site.client.get(f"/v1/pixel.gif?t={token.key}&a=x{number}&e=page")
            assert image.status_code == 200
        assert site.metrics.tracker_dropped._value.get() == 3
        assert {request["reason"] for request in await site.requests(token)} == {None, "unavailable"}
        answer = await site.post(token, "page", USER)
        assert (answer.status_code, answer.json()["reason"]) == (503, "unavailable")
        assert not site.health.ready()
        # The topics are created while it runs.
        await site.installation.create_topics(2)
        await site.until_events(token.account, 5)


async def test_a_broker_that_freezes(breakable_kafka: KafkaServer, database: str, topic_prefix: str) -> None:
    """Calls that wait for a frozen broker are given up in time; repeated, each is recorded once by its id."""
    async with _site(breakable_kafka, database, topic_prefix) as site:
        token = await site.token()
        breakable_kafka.freeze()
        try:
            began = time.monotonic()
            answers = await asyncio.gather(
                *(site.post(token, "page", {**USER, "messageId": f"m{number}"}) for number in range(20))
            )
            assert {answer.status_code for answer in answers} == {503}
            assert time.monotonic() - began < 8
        finally:
            breakable_kafka.thaw()

        async def accepted(number: int) -> bool:
            answer = await site.post(token, "page", {**USER, "messageId": f"m{number}"})
            return answer.status_code == 200

        for number in range(20):
            await eventually(partial(accepted, number), within=30, what="the repetition")
        assert {event["id"] for event in await site.events(token.account)} == {
            f"m{number}" for number in range(20)
        }


async def test_the_database_may_be_away(kafka_server: KafkaServer, database: str, topic_prefix: str) -> None:
    """Known keys go on without their database: no call waits for it."""
    async with _site(kafka_server, database, topic_prefix) as site:
        token = await site.token()

        name = database.rpartition("/")[2]
        connection = await asyncpg.connect(database.removesuffix(name) + "postgres")
        try:
            await connection.execute(f'alter database "{name}" with allow_connections false')
            await connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", name
            )
            for _ in range(20):
                assert (await site.post(token, "page", USER)).status_code == 200
            await eventually(lambda: site.tracker.keys.age > 2, within=10, what="the keys to be old")
            assert site.health.states()["tracker"]["ok"]
            assert (await site.post(token, "page", USER)).status_code == 200
        finally:
            await connection.execute(f'alter database "{name}" with allow_connections true')
            await connection.close()
        # What tokens did meanwhile is counted once it is back.
        await eventually(lambda: site.tracker.keys.age < 2, within=10, what="the keys to be fresh again")
