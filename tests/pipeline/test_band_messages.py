"""Bounds and bands on the way: what is announced, what is a crossing, and what its message says (6.26 to 6.33)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consumer.scoring import adjustments
from consumer.scoring.adjustments import Adjustment
from consumer.scoring.verify import verify
from schemas.published import BandChanged, ScoreChanged
from tests.builders.catalog_documents import weights_document
from tests.builders.events import lost_event, numbered_event
from tests.pipeline import service

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection
    from tests.pipeline.service import Service

# won and lost give 10 points each, in the groups purchase and support.
_OVERALL = {
    "floor": 0,
    "cap": 30,
    "bands": [{"key": "cold"}, {"key": "warm", "min": 10}, {"key": "hot", "min": 20}],
}
_APART = {"support": {"apart": True, "bands": [{"key": "C"}, {"key": "A", "min": 10}]}}


def framed(**frames: Any) -> dict[str, Any]:
    """Build a document whose primary profile has these frames."""
    document = weights_document()
    document["profiles"][0] |= {"overall": {}, "groups": {}, **frames}
    return document


async def crossings(connection: Connection) -> list[tuple[str, str | None, str | None, str, list[str]]]:
    """Return contact, group, both bands and causes of each band-changed message, all of them valid."""
    found = []
    for message in await service.band_changes(connection):
        service.validate(message, BandChanged)
        data, band = message["data"], message["data"]["band"]
        found.append((message["subject"], data["group"], band["previous"], band["current"], data["causes"]))
    return found


async def adjust(connection: Connection, points: int, key: str, group: str = "purchase") -> None:
    given = Adjustment(
        account="acme", contact="ann", profile=None, group=group, points=points, reason="r", author="mia",
        client_key=key,
    )  # fmt: skip
    await adjustments.add(connection, given)


async def test_a_crossing_says_who_and_why(database: str, connection: Connection) -> None:
    """It has both bands, points, causes, name and owner as of the commit, and the event; messages are valid."""
    async with service.running(database) as worker:
        await worker.apply(framed(overall=_OVERALL))
        named = numbered_event(
            0, type="contact.upserted", data='{"name": "Ann\\u001f \\"Lee\\"", "owner": "rep-7"}'
        )
        await worker.batch([numbered_event(1), named])
        await worker.batch([lost_event(2), numbered_event(3, subject="bob")])
    first, second, bob = await service.band_changes(connection)
    assert first["id"] == "1:acme:lead_score:ann:1:band"
    assert (first["kafka_key"], first["type"]) == ("acme:lead_score:ann", "engagement.band.changed")
    event = first["data"].pop("event")
    assert (event["id"], event["definition"], event["points"]) == (numbered_event(1).id, "won", 10)
    assert first["data"] == {
        "profile": "lead_score",
        "profile_version": 1,
        "version": 1,
        "causes": ["events"],
        "group": None,
        "band": {"previous": "cold", "current": "warm"},
        "points": {"previous": 0, "current": 10},
        "contact": {"name": 'Ann\x1f "Lee"', "owner": "rep-7"},
    }
    assert (second["data"]["band"]["current"], second["data"]["points"]["current"]) == ("hot", 20)
    assert bob["data"]["contact"] == {"name": None, "owner": None}
    for message in (await service.messages(connection))[0]:
        service.validate(message, ScoreChanged)
    [_, changed] = await service.score_changes(connection)
    assert changed["overall"] == {
        "previous": 10, "current": 20, "band": {"previous": "warm", "current": "hot"},
    }  # fmt: skip
    assert (await verify(database)).differences == []


async def test_what_moves_sums_alone_sends_nothing(database: str, connection: Connection) -> None:
    """Beyond a bound neither events nor adjustments are announced; what is left of them shows later (5.28)."""
    async with service.running(database) as worker:
        await worker.apply(framed(overall=_OVERALL, groups={"purchase": {"cap": 30}}))
        await worker.batch([numbered_event(number) for number in range(3)])
        assert len(await service.score_changes(connection)) == 1
        await worker.batch([numbered_event(5), numbered_event(6)])
        await adjust(connection, 10, "beyond")
        assert len(await service.score_changes(connection)) == 1
        assert await connection.fetchval("select overall from contact_scores") == 30
        await adjust(connection, -40, "back")
    [_, changed] = await service.score_changes(connection)
    assert (changed["version"], changed["causes"]) == (2, ["adjustment"])
    assert changed["overall"] == {
        "previous": 30, "current": 20, "band": {"previous": "hot", "current": "hot"},
    }  # fmt: skip
    assert (await verify(database)).differences == []


async def test_a_group_apart_crosses_on_its_own_axis(database: str, connection: Connection) -> None:
    """What a group apart gets moves neither overall nor its band; its own crossing has an id of its own."""
    async with service.running(database) as worker:
        await worker.apply(framed(overall=_OVERALL, groups=_APART))
        await worker.batch([lost_event(1), numbered_event(2)])
        await adjust(connection, 50, "apart", group="support")
    assert await crossings(connection) == [
        ("ann", None, "cold", "warm", ["events"]),
        ("ann", "support", "C", "A", ["events"]),
    ]
    ids = [message["id"] for message in await service.band_changes(connection)]
    assert ids == ["1:acme:lead_score:ann:1:band", "1:acme:lead_score:ann:1:band:support"]
    [_, adjusted] = await service.score_changes(connection)
    assert (adjusted["overall"]["current"], adjusted["groups"]["support"]["current"]) == (10, 60)
    assert (await verify(database)).differences == []


async def _three(worker: Service) -> None:
    """Bring ann to 30, bob to 10 and cem to 0 points, and let dan be known."""
    await worker.batch([numbered_event(number) for number in range(3)])
    await worker.batch(
        [
            numbered_event(5, subject="bob"),
            numbered_event(6, subject="cem"),
            numbered_event(7, type="contact.upserted", subject="dan"),
        ]
    )


async def test_a_moved_threshold_messages_whom_it_moves(database: str, connection: Connection) -> None:
    """A publish of thresholds alone sends a message of each contact whose band it changes, and of no other."""
    async with service.running(database) as worker:
        await worker.apply(framed(overall=_OVERALL))
        await _three(worker)
        before = len((await service.messages(connection))[0])
        bands = [{"key": "cold"}, {"key": "warm", "min": 15}, {"key": "hot", "min": 20}]
        await worker.apply(framed(overall={**_OVERALL, "bands": bands}))
    changed = (await service.messages(connection))[0][before:]
    assert [(one["subject"], one["data"]["causes"]) for one in changed] == [
        ("bob", ["publish"]),
        ("cem", ["publish"]),
    ]
    assert [one["data"]["overall"]["current"] for one in changed] == [10, 10]
    assert (await crossings(connection))[-2:] == [
        ("bob", None, "warm", "cold", ["publish"]),
        ("cem", None, "warm", "cold", ["publish"]),
    ]
    assert (await verify(database)).differences == []


async def test_bands_that_appear_are_crossed_from_null(database: str, connection: Connection) -> None:
    """Each contact that had a message gets one with its first band; one that never had any gets none."""
    async with service.running(database) as worker:
        await worker.apply(framed())
        await _three(worker)
        await worker.apply(framed(overall=_OVERALL))
        assert await crossings(connection) == [
            ("ann", None, None, "hot", ["publish"]),
            ("bob", None, None, "warm", ["publish"]),
            ("cem", None, None, "warm", ["publish"]),
        ]
        await worker.apply(framed())
        assert len((await service.messages(connection))[0]) == 6
        await worker.batch([numbered_event(10, subject="bob")])
    assert (await service.score_changes(connection, "bob"))[-1]["overall"] == {"previous": 10, "current": 20}
    assert (await verify(database)).differences == []


async def test_a_batch_before_the_announcement_crosses_once(database: str, connection: Connection) -> None:
    """Its message has both causes, the last band that was announced, and the event; the publish adds none."""
    async with service.running(database) as worker:
        await worker.apply(framed(overall=_OVERALL))
        await worker.batch([numbered_event(1)])
        document = framed(overall={"cap": 30, "bands": [{"key": "cold"}, {"key": "warm", "min": 15}]})
        document["profiles"][0]["published"] = False
        await worker.apply(document)
        publish = await service.begin_publish(connection)
        await service.run_publish_until(database, publish, "announcing")
        await worker.batch([numbered_event(2)])
        assert (await verify(database)).differences == []
        await service.publish_all(database, [publish])
    assert [data["causes"] for data in await service.score_changes(connection)] == [
        ["events"],
        ["publish", "events"],
    ]
    assert await crossings(connection) == [("ann", None, "cold", "warm", ["events"])]
    assert (await service.score_changes(connection))[-1]["overall"] == {
        "previous": 10, "current": 20, "band": {"previous": "warm", "current": "warm"},
    }  # fmt: skip
    assert (await verify(database)).differences == []


async def test_events_beyond_the_cap_leave_a_publish_to_its_announcement(
    database: str, connection: Connection
) -> None:
    """A batch that changes nothing shown announces no publish; the publish then does, with its cause alone."""
    async with service.running(database) as worker:
        await worker.apply(framed(groups={"purchase": {"cap": 10}}))
        await worker.batch([numbered_event(1)])
        document = framed(groups={"purchase": {"cap": 5}})
        document["profiles"][0]["published"] = False
        await worker.apply(document)
        publish = await service.begin_publish(connection)
        await service.run_publish_until(database, publish, "announcing")
        await worker.batch([numbered_event(2)])
        assert len(await service.score_changes(connection)) == 1
        await service.publish_all(database, [publish])
    [_, changed] = await service.score_changes(connection)
    assert (changed["causes"], changed["overall"]) == (["publish"], {"previous": 10, "current": 5})
    assert (await verify(database)).differences == []


async def test_after_a_tombstone_bands_begin_with_that_of_0(database: str, connection: Connection) -> None:
    """A deleted contact that comes anew crosses from the band of 0 again."""
    async with service.running(database) as worker:
        await worker.apply(framed(overall=_OVERALL))
        await worker.batch([numbered_event(1)])
        await worker.batch([numbered_event(5, type="contact.deleted")])
        await service.carry_out(database)
        await worker.batch([numbered_event(9)])
    assert await crossings(connection) == [("ann", None, "cold", "warm", ["events"])] * 2
    assert [message["id"][-6:] for message in await service.band_changes(connection)] == ["1:band", "2:band"]
    assert (await verify(database)).differences == []


async def _come_anew(worker: Service, database: str) -> None:
    """Let ann have points, be deleted and come back without any; what 0 points are then moves from cold to warm."""
    await worker.apply(framed(overall={"bands": [{"key": "cold"}, {"key": "warm", "min": 10}]}))
    await worker.batch([numbered_event(1)])
    await worker.batch([numbered_event(5, type="contact.deleted")])
    await service.carry_out(database)
    await worker.batch([numbered_event(8, type="contact.upserted", data='{"name": "Ann"}')])
    document = framed(
        overall={"bands": [{"key": "cold"}, {"key": "warm", "min": -5}, {"key": "hot", "min": 10}]}
    )
    document["profiles"][0]["published"] = False
    await worker.apply(document)


async def test_after_a_tombstone_thresholds_move_nobody(database: str, connection: Connection) -> None:
    """A contact without a message since is in the band of 0 under each version, and then crosses from it."""
    async with service.running(database) as worker:
        await _come_anew(worker, database)
        await service.publish_all(database, [await service.begin_publish(connection)])
        assert await crossings(connection) == [("ann", None, "cold", "warm", ["events"])]
        await worker.batch([numbered_event(9)])
    assert (await crossings(connection))[1:] == [("ann", None, "warm", "hot", ["events"])]
    said = await service.score_changes(connection)
    assert [data["version"] for data in said if "version" in data] == [1, 2]
    assert (await verify(database)).differences == []


async def test_after_a_tombstone_a_batch_comes_before_the_announcement(
    database: str, connection: Connection
) -> None:
    """A batch says nothing of the publish, which changes nothing for such a contact."""
    async with service.running(database) as worker:
        await _come_anew(worker, database)
        publish = await service.begin_publish(connection)
        await service.run_publish_until(database, publish, "announcing")
        await worker.batch([numbered_event(9)])
        await service.publish_all(database, [publish])
    assert (await crossings(connection))[1:] == [("ann", None, "warm", "hot", ["events"])]
    assert (await verify(database)).differences == []
