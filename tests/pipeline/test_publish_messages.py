"""Publishes: which contacts get a score-changed message, with which causes, groups and scores."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from consumer.catalog.change import change_catalog
from consumer.scoring import profile_publish
from consumer.scoring.verify import verify
from schemas.published import ScoreChanged
from tests.builders.catalog_documents import definition, weights_document
from tests.builders.events import lost_event, numbered_event
from tests.pipeline import service

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection


async def test_history_is_rescored_and_each_changed_contact_gets_a_message(
    database: str, connection: Connection
) -> None:
    """Each contact whose score changed gets one message with cause `publish`; the others get none."""
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
    status = await profile_publish.status(connection, publish)
    assert (status.account, status.profile, status.version, status.previous_version) == (
        "acme",
        "lead_score",
        2,
        1,
    )
    assert (status.state, status.requested_by, status.flipped_at) == ("building", "catalog apply", None)
    await service.publish_all(database, [publish])

    status = await profile_publish.status(connection, publish)
    assert (status.state, status.done, status.total) == ("done", 4, 4)
    assert status.requested_at < status.flipped_at < status.ended_at  # type: ignore[operator] # both are there
    assert (await service.scores(connection))["acme", "lead_score", "ann"] == {
        "overall": 13,
        "purchase": 3,
        "support": 10,
    }
    [_, changed] = await service.score_changes(connection, "bob")
    assert changed == {
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
    """A publish that leaves every group score as it was takes effect without a message."""
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
    [_, changed] = await service.score_changes(connection)
    assert (changed["causes"], changed["overall"]) == (["events"], {"previous": 50, "current": 80})
    assert (await verify(database)).differences == []


async def test_the_first_batch_after_the_flip_announces_the_publish_too(
    database: str, connection: Connection
) -> None:
    """Its message has both causes, the scores published before and the new ones, and the points of the event."""
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
        # The publish did not change this score: the cause is `events` alone.
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


async def test_events_that_undo_a_publish_send_nothing(database: str, connection: Connection) -> None:
    """A score equal to the last one published is no change, neither in the batch nor afterwards."""
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
    [_, changed] = await service.score_changes(connection)
    assert (changed["causes"], changed["overall"]) == (["events"], {"previous": 10, "current": 15})
    assert (await verify(database)).differences == []


async def test_an_event_without_weight_leaves_the_message_to_the_publish(
    database: str, connection: Connection
) -> None:
    """A batch whose event weighs 0 in the new version sends nothing; the publish sends its message."""
    async with service.running(database) as worker:
        await worker.apply(weights_document())
        await worker.batch([numbered_event(1)])
        publish = await service.begin_publish(connection, won=0)
        await service.run_publish_until(database, publish, "announcing")
        await worker.batch([numbered_event(2)])
        assert len(await service.score_changes(connection)) == 1
        assert (await verify(database)).differences == []
        await service.publish_all(database, [publish])
    [_, changed] = await service.score_changes(connection)
    assert (changed["causes"], changed["overall"]) == (["publish"], {"previous": 10, "current": 0})
    assert (await verify(database)).differences == []


async def test_a_group_that_is_gone_is_in_one_last_message(database: str, connection: Connection) -> None:
    """A publish message has the groups of the last message, even those the catalog no longer has."""
    async with service.running(database) as worker:
        await worker.apply(weights_document())
        await worker.batch([numbered_event(1)])
    await connection.execute("""
        insert into groups (account_id, key, name, icon, position, deleted)
            values (1, 'gone', 'Gone', 'star', 9, true);
        update contact_scores
            set group_ids = group_ids || currval('groups_id_seq')::int, group_points = group_points || 5::bigint,
                overall = 15;
        truncate ranks;
        insert into ranks select profile_id, version, group_id, points, contact_id from scores""")
    await service.publish_all(database, [await service.begin_publish(connection, won=3)])
    [_, changed] = await service.score_changes(connection)
    assert changed["groups"]["gone"] == {"previous": 5, "current": 0}
    assert changed["overall"] == {"previous": 15, "current": 3}


async def test_a_deleted_group_is_in_messages_until_a_publish_drops_it(
    database: str, connection: Connection
) -> None:
    """Messages name it while a published version counts in it, then once with score 0, then no more."""
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
    groups = [changed["groups"] for changed in await service.score_changes(connection)]
    assert [one.get("support") for one in groups] == [
        {"previous": 0, "current": 10},
        {"previous": 10, "current": 10},
        {"previous": 10, "current": 0},
        None,
    ]
    assert groups[-1]["purchase"] == {"previous": 30, "current": 40}
    assert (await verify(database)).differences == []
