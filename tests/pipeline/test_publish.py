"""Publishing over history: what readers see, what is told, and that crashes, cancels and batches do not matter.

Any interleaving of all of them is test_publish_properties.py's; here each rule has the test that fails without it.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import chain, repeat
from typing import TYPE_CHECKING

import pytest

from consumer.catalog import apply_document
from consumer.catalog.change import change_catalog
from consumer.domain.errors import UnknownAccountError
from consumer.infra import postgres
from consumer.infra.clock import SystemClock
from consumer.infra.settings import Settings
from consumer.scoring import profile_publish
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
from schemas.published import ScoreChanged
from tests.builders.catalog_documents import definition, document, weights_document
from tests.builders.events import lost_event, numbered_event
from tests.pipeline import service
from tests.pipeline.statement_schedule import Schedule
from tests.waiting import eventually

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection


async def test_history_is_scored_anew_and_whom_it_changed_is_told(
    database: str, connection: Connection
) -> None:
    """All have the new scores, and one message each with cause `publish`, but those whom it did not move."""
    async with service.running(database) as worker:
        await worker.apply(weights_document())
        await worker.apply(weights_document("birch"))
        await worker.batch(
            [
                numbered_event(1),
                lost_event(2),
                numbered_event(3, subject="bob"),
                numbered_event(4, accountid="birch"),
            ]
        )
        await worker.batch(
            [lost_event(5, subject="zoe"), numbered_event(6, type="contact.upserted", subject="eve")]
        )
    publish = await service.begin_publish(connection, won=3)
    stands = await profile_publish.status(connection, publish)
    assert (stands.account, stands.profile, stands.version, stands.previous_version) == (
        "acme",
        "lead_score",
        2,
        1,
    )
    assert (stands.state, stands.requested_by, stands.flipped_at) == ("building", "catalog apply", None)
    await service.publish_all(database, [publish])

    stands = await profile_publish.status(connection, publish)
    assert (stands.state, stands.done, stands.total) == ("done", 4, 4)
    assert stands.requested_at < stands.flipped_at < stands.ended_at  # type: ignore[operator] # both are there
    assert (await service.scores(connection))["acme", "lead_score", "ann"] == {
        "overall": 13,
        "purchase": 3,
        "support": 10,
    }
    [_, told] = await service.score_changes(connection, "bob")
    assert told == {
        "profile": "lead_score",
        "profile_version": 2,
        "version": 2,
        "causes": ["publish"],
        "overall": {"previous": 10, "current": 3},
        "groups": {
            "purchase": {"previous": 10, "current": 3},
            "support": {"previous": 0, "current": 0},
        },
        "events": [],
        "event_count": 0,
    }
    assert [len(await service.score_changes(connection, who)) for who in ("zoe", "eve")] == [1, 0]
    for message in (await service.messages(connection))[0]:
        service.validate(message, ScoreChanged)
    assert await connection.fetchval("select count(*) from scores where version = 1 and profile_id = 1") == 0
    assert (await verify(database)).differences == []


async def test_a_swap_of_equals_sends_nothing(database: str, connection: Connection) -> None:
    """A publish after which every group has what it had is in force, and nobody is told."""
    async with service.running(database) as worker:
        first = weights_document(won=10, lost=20)
        first["definitions"].append(definition("called", "message.sent", default_points=20))
        await worker.apply(first)
        await worker.batch(
            [
                numbered_event(1),
                numbered_event(2, type="message.sent"),
                numbered_event(3, type="message.sent"),
            ]
        )
        swapped = {
            **first,
            "profiles": [{**first["profiles"][0], "weights": {"won": 30, "called": 10, "lost": 5}}],
        }
        await worker.apply(swapped)
        assert len(await service.score_changes(connection)) == 1
        assert await connection.fetchval("select published_version from profiles") == 2
        await worker.batch([numbered_event(4)])
    [_, told] = await service.score_changes(connection)
    assert (told["causes"], told["overall"]) == (["events"], {"previous": 50, "current": 80})
    assert (await verify(database)).differences == []


async def test_events_meanwhile_count_once_under_both(
    database: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events of contacts that are built, not built yet, and new count once under the old and the new version."""
    monkeypatch.setattr(steps, "_CHUNK_CONTACTS", 1)
    async with service.running(database) as worker:
        await worker.apply(weights_document())
        await worker.batch(
            [numbered_event(1), numbered_event(2, subject="bob"), numbered_event(3, subject="cid")]
        )
        publish = await service.begin_publish(connection, won=3)
        number = 100
        async with service.kept_connection(database) as keeper:
            async for stands in profile_publish.run_publish(keeper, publish):
                for who in ("ann", "bob", "cid", f"new-{number}"):
                    number += 1
                    await worker.batch([numbered_event(number, subject=who)])
                if stands.state == "building":
                    assert set((await service.overall_scores(connection)).values()) <= {
                        10 * n for n in range(1, 20)
                    }
                assert (await verify(database)).differences == []
        assert await service.overall_scores(connection) == {
            who: 3 * count
            for who, count in [
                (row["external_id"], row["count"])
                for row in await connection.fetch(
                    "select external_id, count from tallies join contacts on id = contact_id"
                )
            ]
        }
    for who in ("ann", "bob", "cid", "new-100"):
        chain = await service.score_changes(connection, who)
        assert [data["version"] for data in chain] == list(range(1, len(chain) + 1))
        assert [data["causes"] for data in chain if "publish" in data["causes"]] != []
    assert (await verify(database)).differences == []


async def test_a_batch_that_comes_first_tells_of_the_publish_too(
    database: str, connection: Connection
) -> None:
    """Both causes, from what was told last to what stands, with the event's own points; the rest are told once."""
    async with service.running(database) as worker:
        await worker.apply(weights_document())
        await worker.batch(
            [
                numbered_event(1),
                numbered_event(2),
                numbered_event(3, subject="bob"),
                lost_event(4, subject="zoe"),
            ]
        )
        publish = await service.begin_publish(connection, won=3)
        await service.run_publish_until(database, publish, "announcing")
        assert await service.overall_scores(connection) == {"ann": 6, "bob": 3, "zoe": 10}
        await worker.batch([numbered_event(5), lost_event(6, subject="zoe")])
        assert (await verify(database)).differences == []
        [_, both] = await service.score_changes(connection)
        assert (both["causes"], both["profile_version"]) == (["publish", "events"], 2)
        assert both["overall"] == {"previous": 20, "current": 9}
        assert [event["points"] for event in both["events"]] == [3]
        # Whom the publish did not move is told of events alone.
        [_, zoe] = await service.score_changes(connection, "zoe")
        assert zoe["causes"] == ["events"]
        await service.publish_all(database, [publish])
        await worker.batch([numbered_event(7), numbered_event(8, subject="bob")])
    assert [data["causes"] for data in await service.score_changes(connection)] == [
        ["events"],
        ["publish", "events"],
        ["events"],
    ]
    assert [data["causes"] for data in await service.score_changes(connection, "bob")] == [
        ["events"],
        ["publish"],
        ["events"],
    ]
    assert (await verify(database)).differences == []


async def test_events_that_undo_a_publish_tell_nothing(database: str, connection: Connection) -> None:
    """What comes out as it was told last is no change, neither for the batch nor afterwards."""
    async with service.running(database) as worker:
        await worker.apply(weights_document())
        await worker.batch([numbered_event(1)])
        publish = await service.begin_publish(connection, won=5)
        await service.run_publish_until(database, publish, "announcing")
        await worker.batch([numbered_event(2)])
        assert len(await service.score_changes(connection)) == 1
        assert (await verify(database)).differences == []
        await service.publish_all(database, [publish])
        assert len(await service.score_changes(connection)) == 1
        await worker.batch([numbered_event(3)])
    [_, told] = await service.score_changes(connection)
    assert (told["causes"], told["overall"]) == (["events"], {"previous": 10, "current": 15})
    assert (await verify(database)).differences == []


async def test_an_event_that_moves_nothing_leaves_the_telling_to_the_publish(
    database: str, connection: Connection
) -> None:
    """A batch whose event has no weight any more sends nothing; the publish is told of as such."""
    async with service.running(database) as worker:
        await worker.apply(weights_document())
        await worker.batch([numbered_event(1)])
        publish = await service.begin_publish(connection, won=0)
        await service.run_publish_until(database, publish, "announcing")
        await worker.batch([numbered_event(2)])
        assert len(await service.score_changes(connection)) == 1
        assert (await verify(database)).differences == []
        await service.publish_all(database, [publish])
    [_, told] = await service.score_changes(connection)
    assert (told["causes"], told["overall"]) == (["publish"], {"previous": 10, "current": 0})
    assert (await verify(database)).differences == []


async def test_groups_that_are_gone_are_told_of_once_more(database: str, connection: Connection) -> None:
    """A publish message has the groups that were told of last, though the catalog has them no longer."""
    async with service.running(database) as worker:
        await worker.apply(weights_document())
        await worker.batch([numbered_event(1)])
    await connection.execute("""
        insert into groups (account_id, key, name, icon, position, deleted)
            values (1, 'gone', 'Gone', 'star', 9, true);
        insert into scores
            select contact_id, profile_id, version, currval('groups_id_seq'), 5 from scores where group_id = 0;
        update scores set points = 15 where group_id = 0""")
    await service.publish_all(database, [await service.begin_publish(connection, won=3)])
    [_, told] = await service.score_changes(connection)
    assert told["groups"]["gone"] == {"previous": 5, "current": 0}
    assert told["overall"] == {"previous": 15, "current": 3}


async def test_a_reader_sees_one_version_for_everybody(
    database: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads while a publish runs sees every contact as before, then every contact as after."""
    monkeypatch.setattr(steps, "_CHUNK_CONTACTS", 2)
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
    """Another publish of the profile waits for the end; strangers and what changes nothing are refused."""
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


async def test_cancelled_before_the_flip_nothing_is_left(
    database: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was built goes, nobody is told, batches no longer fold into it, and its number is not given again."""
    monkeypatch.setattr(steps, "_CHUNK_CONTACTS", 1)
    async with service.running(database) as worker:
        await worker.apply(weights_document())
        await worker.batch([numbered_event(1), numbered_event(2, subject="bob")])
        publish = await service.begin_publish(connection, won=3)
        async with service.kept_connection(database) as keeper:
            async for stands in profile_publish.run_publish(keeper, publish):
                if stands.done == 1:
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


async def test_after_the_flip_it_is_too_late_to_cancel(database: str, connection: Connection) -> None:
    """A publish that readers see is not cancelled, nor one that has ended, nor one that never was."""
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


async def test_a_definition_created_meanwhile_joins_both_versions(
    database: str, connection: Connection
) -> None:
    """It counts under the old and the new version, follows the catalog until then, and moves nobody's score."""
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


async def test_only_the_accounts_own_contacts_are_gone_through(
    database: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However far another account's contacts lie apart by number, each is found once and nobody else is touched."""
    monkeypatch.setattr(steps, "_IDS_PER_CONTACT", 2)
    monkeypatch.setattr(steps, "_CHUNK_CONTACTS", 2)
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
    stands = await profile_publish.status(connection, publish)
    assert (stands.done, stands.total) == (4, 4)
    scores = await service.scores(connection)
    assert {score["overall"] for (account, *_), score in scores.items() if account == "acme"} == {3}
    assert {score["overall"] for (account, *_), score in scores.items() if account == "birch"} == {10}
    assert (await verify(database)).differences == []


async def test_a_worker_goes_on_with_what_was_left(database: str, connection: Connection) -> None:
    """A publish that nobody works at is brought to its end by one worker's background, and by one alone."""
    async with service.running(database) as worker:
        await worker.apply(weights_document())
        await worker.batch([numbered_event(1)])
    publish = await service.begin_publish(connection, won=3)
    first, second = (
        BackgroundJobs(lambda: postgres.connect(database), clock=SystemClock(), every=0.01, rest=0.0)
        for _ in range(2)
    )
    stopping = asyncio.Event()
    await first.run_once(stopping)
    assert (await profile_publish.status(connection, publish)).state == "done"
    other = await service.begin_publish(connection, won=4)
    await second.run_once(stopping)
    assert (await profile_publish.status(connection, other)).state == "building"
    running = asyncio.create_task(first.run(stopping))
    while (await profile_publish.status(connection, other)).state != "done":
        assert not running.done()
    stopping.set()
    await running
    second._database.drop()
    assert await service.overall_scores(connection) == {"ann": 4}


async def test_a_chunk_waits_for_the_batch_that_holds_a_contact(
    database: str, connection: Connection
) -> None:
    """Contacts are built from what a batch has left, not from what was there before it."""
    schedule = Schedule(database, connection)
    async with service.running(database, connect=lambda: schedule.connect(0)) as worker:
        await worker.apply(weights_document())
        await worker.batch([numbered_event(1)])
        publish = await service.begin_publish(connection, won=3)
        building = await schedule.connect(1)
        await schedule.run(
            chain(schedule.turns_until(0, "commit"), repeat(1)),
            {0: worker.batch([numbered_event(2)]), 1: steps.process_next_contacts(building, publish)},
        )
    assert schedule.lock_waits == 1
    await service.publish_all(database, [publish])
    assert await service.overall_scores(connection) == {"ann": 6}
    assert (await verify(database)).differences == []


async def test_a_flip_that_comes_too_early_has_no_effect(database: str, connection: Connection) -> None:
    """Who believes that everybody is built, and errs, publishes nothing."""
    async with service.running(database) as worker:
        await worker.apply(weights_document())
        await worker.batch([numbered_event(1)])
    publish = await service.begin_publish(connection, won=3)
    await steps._advance_state(connection, publish)
    assert (await profile_publish.status(connection, publish)).state == "building"
    assert await service.overall_scores(connection) == {"ann": 10}


async def test_a_worker_publishes_by_itself(database: str, connection: Connection) -> None:
    """A publish that was asked for comes to its end in a running worker, though Kafka is away."""
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


async def test_a_deleted_group_is_told_of_until_all_know(database: str, connection: Connection) -> None:
    """Messages name it while a published version counts in it, once more as gone, and never again."""
    async with service.running(database) as worker:
        await worker.apply(weights_document())
        await worker.batch([numbered_event(1), lost_event(2)])
        moved = weights_document()
        moved["definitions"][1]["group"] = "purchase"
        moved["profiles"][0]["published"] = False
        await worker.apply(moved)
        await change_catalog(
            connection,
            "acme",
            lambda before: replace(
                before, groups={key: group for key, group in before.groups.items() if key != "support"}
            ),
            by="ada",
        )
        await worker.batch([numbered_event(3)])
        publish = await profile_publish.begin(connection, "acme", "lead_score", by="ada")
        await service.publish_all(database, [publish])
        await worker.batch([numbered_event(4)])
    groups = [told["groups"] for told in await service.score_changes(connection)]
    assert [one.get("support") for one in groups] == [
        {"previous": 0, "current": 10},
        {"previous": 10, "current": 10},
        {"previous": 10, "current": 0},
        None,
    ]
    assert groups[-1]["purchase"] == {"previous": 30, "current": 40}
    assert (await verify(database)).differences == []
