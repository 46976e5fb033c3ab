"""Publishes: how the work is carried out, cancelled and resumed, beside batches and readers.

test_publish_properties.py draws interleavings of all of them; here each rule has the test that fails without it.
"""

from __future__ import annotations

import asyncio
from itertools import chain, repeat
from typing import TYPE_CHECKING

import asyncpg
import pytest

from consumer.catalog import apply_document
from consumer.domain.errors import UnknownAccountError
from consumer.infra import postgres
from consumer.infra.clock import SystemClock
from consumer.infra.postgres.connection import fetch_one
from consumer.infra.settings import Settings
from consumer.scoring import jobs, profile_publish
from consumer.scoring.profile_publish import (
    NothingToPublishError,
    PublishNotCancellableError,
    PublishRunningError,
    UnknownProfileError,
    UnknownPublishError,
    steps,
)
from consumer.scoring.verify import verify
from consumer.worker.app import Worker
from consumer.worker.background_jobs import BackgroundJobs
from tests.builders.catalog_documents import definition, document, weights_document
from tests.builders.events import numbered_event
from tests.pipeline import service
from tests.pipeline.statement_schedule import Schedule
from tests.waiting import eventually

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection


async def test_events_during_a_publish_count_once_under_both_versions(
    database: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events of contacts built, not built yet and new count once under the old and the new version."""
    monkeypatch.setattr(steps.Publishes, "contacts_per_step", 1)
    async with service.running(database) as worker:
        await worker.apply(weights_document())
        await worker.batch(
            [numbered_event(1), numbered_event(2, subject="bob"), numbered_event(3, subject="cid")]
        )
        publish = await service.begin_publish(connection, won=3)
        number = 100
        async with service.kept_connection(database) as keeper:
            async for status in profile_publish.run_publish(keeper, publish):
                for who in ("ann", "bob", "cid", f"new-{number}"):
                    number += 1
                    await worker.batch([numbered_event(number, subject=who)])
                if status.state == "building":
                    assert set((await service.overall_scores(connection)).values()) <= {
                        10 * n for n in range(1, 20)
                    }
                assert (await verify(database)).differences == []
        assert await service.overall_scores(connection) == {
            who: 3 * count
            for who, count in [
                (row["external_id"], row["count"])
                for row in await connection.fetch(
                    "select external_id, count from dedup_keys join contacts on id = contact_id"
                )
            ]
        }
    for who in ("ann", "bob", "cid", "new-100"):
        chain = await service.score_changes(connection, who)
        assert [data["version"] for data in chain] == list(range(1, len(chain) + 1))
        assert [data["causes"] for data in chain if "publish" in data["causes"]] != []
    assert (await verify(database)).differences == []


async def test_a_reader_sees_one_version_of_all_contacts(
    database: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """During a publish a reader sees all contacts under the old version, then all under the new one."""
    monkeypatch.setattr(steps.Publishes, "contacts_per_step", 2)
    async with service.running(database) as worker:
        await worker.apply(weights_document())
        await worker.batch([numbered_event(n, subject=f"c-{n}") for n in range(30)])
    publish = await service.begin_publish(connection, won=3)
    work = asyncio.create_task(service.publish_all(database, [publish]))
    seen: list[set[int]] = []
    while not work.done():
        found = await service.overall_scores(connection)
        assert len(found) == 30
        seen.append(set(found.values()))
    await work
    assert {frozenset(values) for values in seen} == {frozenset({10}), frozenset({3})}
    assert seen == sorted(seen, key=max, reverse=True)


async def test_one_publish_at_a_time(database: str, connection: Connection) -> None:
    """A second publish of a profile is refused, and so is one of an unknown profile or without a change."""
    async with service.running(database) as worker:
        await worker.apply(weights_document())
        await worker.batch([numbered_event(1)])
    with pytest.raises(NothingToPublishError, match="equals the published version"):
        await profile_publish.begin(connection, "acme", "lead_score", by="mia")
    with pytest.raises(UnknownProfileError, match="'nonsense'"):
        await profile_publish.begin(connection, "acme", "nonsense", by="mia")
    with pytest.raises(UnknownAccountError, match="nobody"):
        await profile_publish.begin(connection, "nobody", "lead_score", by="mia")
    withheld = weights_document(won=3)
    withheld["profiles"][0]["published"] = False
    await apply_document(connection, service.parsed(withheld))
    publish = await profile_publish.begin(connection, "acme", "lead_score", by="mia")
    for state in ("building", "announcing"):
        await service.run_publish_until(database, publish, state)
        with pytest.raises(PublishRunningError, match="has not ended"):
            await profile_publish.begin(connection, "acme", "lead_score", by="tim")
        await apply_document(connection, service.parsed(weights_document(won=4)))
        assert await profile_publish.unfinished_publishes(connection) == [publish]
    await service.publish_all(database, [publish])
    assert await service.overall_scores(connection) == {"ann": 3}
    row = await connection.fetchrow(
        "select published_by, published_at from profile_versions where version = 2"
    )
    assert row is not None
    assert row["published_by"] == "mia"
    assert row["published_at"] == (await profile_publish.status(connection, publish)).flipped_at
    await service.apply_document(database, weights_document(won=4))
    assert await service.overall_scores(connection) == {"ann": 4}


async def test_a_cancel_before_the_flip_leaves_nothing(
    database: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The built scores go, no message is sent, batches stop adding to the version, its number is not reused."""
    monkeypatch.setattr(steps.Publishes, "contacts_per_step", 1)
    async with service.running(database) as worker:
        await worker.apply(weights_document())
        await worker.batch([numbered_event(1), numbered_event(2, subject="bob")])
        publish = await service.begin_publish(connection, won=3)
        async with service.kept_connection(database) as keeper:
            async for status in profile_publish.run_publish(keeper, publish):
                if status.done == 1:
                    break
        await worker.batch([numbered_event(3), numbered_event(4, subject="new")])
        await profile_publish.cancel(connection, publish, by="mia")
        await worker.batch([numbered_event(5), numbered_event(6, subject="newer")])
        with pytest.raises(PublishNotCancellableError, match="is cancelling"):
            await profile_publish.cancel(connection, publish, by="mia")
        assert (await verify(database)).differences == []
        await service.publish_all(database, [publish])
        assert (await profile_publish.status(connection, publish)).state == "cancelled"
        assert await connection.fetchval("select count(*) from scores where version <> 1") == 0
        assert all(data["causes"] == ["events"] for data in await service.score_changes(connection))
        await worker.apply(weights_document(won=4))
    assert await connection.fetchval("select published_version from profiles") == 3
    assert await service.overall_scores(connection) == {"ann": 12, "bob": 4, "new": 4, "newer": 4}
    assert (await verify(database)).differences == []


async def test_a_publish_is_not_cancelled_after_the_flip(database: str, connection: Connection) -> None:
    """A publish that is announcing or done is not cancelled, nor one that does not exist."""
    async with service.running(database) as worker:
        await worker.apply(weights_document())
        await worker.batch([numbered_event(1)])
    publish = await service.begin_publish(connection, won=3)
    await service.run_publish_until(database, publish, "announcing")
    for _ in range(2):
        with pytest.raises(PublishNotCancellableError, match="restore version 1 and publish that"):
            await profile_publish.cancel(connection, publish, by="mia")
        await service.publish_all(database, [publish])
    with pytest.raises(UnknownPublishError, match="999"):
        await profile_publish.cancel(connection, 999, by="mia")


async def test_a_definition_created_during_a_publish_joins_both_versions(
    database: str, connection: Connection
) -> None:
    """It counts under both versions, its weight follows the catalog until it first counts, no score moves."""
    async with service.running(database) as worker:
        await worker.apply(weights_document())
        await worker.batch([numbered_event(1)])
        publish = await service.begin_publish(connection, won=3)
        for points in (4, 7):
            new = definition("called", "message.sent", default_points=points)
            await apply_document(connection, service.parsed({**document(definitions=[new]), "profiles": []}))
        await worker.batch([numbered_event(2, type="message.sent")])
        assert await service.overall_scores(connection) == {"ann": 17}
        assert (await verify(database)).differences == []
        await service.publish_all(database, [publish])
    assert await service.overall_scores(connection) == {"ann": 10}
    rows = await connection.fetch("select version, weight, joined from version_weights order by version, 2")
    assert [tuple(row) for row in rows] == [
        *((1, 7, True), (1, 10, False), (1, 10, False)),
        *((2, 3, False), (2, 7, True), (2, 10, False)),
    ]
    assert (await verify(database)).differences == []


async def test_only_contacts_of_the_account_are_processed(
    database: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each contact of the account is processed once, however many numbers of another account lie between."""
    monkeypatch.setattr(steps.Publishes, "contacts_per_step", 2)
    async with service.running(database) as worker:
        await worker.apply(weights_document())
        await worker.apply(weights_document("birch"))
        owners = [("birch", 9), ("acme", 1), ("birch", 5), ("acme", 3)]
        people = [account for account, many in owners for _ in range(many)]
        await worker.batch(
            [numbered_event(n, accountid=who, subject=f"c-{n:02}") for n, who in enumerate(people)]
        )
    publish = await service.begin_publish(connection, won=3)
    await service.publish_all(database, [publish])
    status = await profile_publish.status(connection, publish)
    assert (status.done, status.total) == (4, 4)
    scores = await service.scores(connection)
    assert {score["overall"] for (account, *_), score in scores.items() if account == "acme"} == {3}
    assert {score["overall"] for (account, *_), score in scores.items() if account == "birch"} == {10}
    assert (await verify(database)).differences == []


async def test_a_worker_resumes_a_publish(database: str, connection: Connection) -> None:
    """A publish without a worker is carried out by the background jobs of a worker."""
    async with service.running(database) as worker:
        await worker.apply(weights_document())
        await worker.batch([numbered_event(1)])
    publish = await service.begin_publish(connection, won=3)
    background = BackgroundJobs(lambda: postgres.connect(database), clock=SystemClock(), every=0.01, rest=0.0)
    stopping = asyncio.Event()
    running = asyncio.create_task(background.run(stopping))
    while (await profile_publish.status(connection, publish)).state != "done":
        assert not running.done()
    stopping.set()
    await running
    assert await service.overall_scores(connection) == {"ann": 3}


async def test_a_chunk_waits_for_a_batch_that_holds_a_contact_lock(
    database: str, connection: Connection
) -> None:
    """Contacts are built from what the batch committed, not from what was stored before it."""
    schedule = Schedule(database, connection)
    async with service.running(database, connect=lambda: schedule.connect(0)) as worker:
        await worker.apply(weights_document())
        await worker.batch([numbered_event(1)])
        publish = await service.begin_publish(connection, won=3)
        await worker.batch([numbered_event(3, subject="bob")])
        # Batches in flight have been waited for already.
        await connection.execute("update publishes set counted_contact_id = 0")
        building = await schedule.connect(1)
        try:
            await schedule.run(
                chain(schedule.turns_until(0, "commit"), repeat(1)),
                {0: worker.batch([numbered_event(2)]), 1: jobs.take_step(building, steps.PUBLISHES, publish)},
            )
        except asyncpg.UniqueViolationError as error:
            raise AssertionError("the chunk did not wait, and built what the batch had written") from error
    schedule.close()
    assert schedule.lock_waits == 1
    await service.publish_all(database, [publish])
    assert await service.overall_scores(connection) == {"ann": 6, "bob": 3}
    assert (await verify(database)).differences == []


async def test_a_flip_before_all_contacts_are_built_has_no_effect(
    database: str, connection: Connection
) -> None:
    """A worker that flips too early by mistake publishes nothing."""
    async with service.running(database) as worker:
        await worker.apply(weights_document())
        await worker.batch([numbered_event(1)])
    publish = await service.begin_publish(connection, won=3)
    facts = await fetch_one(connection, steps.PUBLISHES.facts, publish)
    assert await steps.PUBLISHES.end_state(connection, publish, facts) is None
    assert (await profile_publish.status(connection, publish)).state == "building"
    assert await service.overall_scores(connection) == {"ann": 10}


async def test_a_running_worker_carries_out_a_publish(database: str, connection: Connection) -> None:
    """A requested publish ends in a running worker while Kafka is down."""
    async with service.running(database) as worker:
        await worker.apply(weights_document())
        await worker.batch([numbered_event(1)])
    publish = await service.begin_publish(connection, won=3)
    running = Worker(
        Settings(database_url=database, kafka_bootstrap="127.0.0.1:1", http_host="127.0.0.1", http_port=0)
    )
    task = asyncio.create_task(running.run("ingest"))

    async def done() -> bool:
        return (await profile_publish.status(connection, publish)).state == "done"

    await eventually(done, within=20, what="the publish to end")
    running.stopping.set()
    await task
    assert await service.overall_scores(connection) == {"ann": 3}
