"""Single steps of judging that are easily got wrong, each with the fewest events that show it.

Times are minutes of one day; an event's name is its time. The law as a whole is test_verdict_properties.py's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.builders.catalog_documents import HOURLY, dedup_document
from tests.builders.events import clock_event
from tests.pipeline import service
from tests.pipeline.statement_schedule import Schedule

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection


async def test_gate_moves_back(database: str, connection: Connection) -> None:
    """A late event that takes the place of the last counted one takes the gate back to its own time."""
    async with service.running(database) as worker:
        await worker.apply(dedup_document(HOURLY))
        await worker.batch([clock_event("10:30", actorid="rita", actortype="rep")])
        await worker.batch([clock_event("10:00")])
        assert await service.verdicts(connection) == {"10:00": "counted", "10:30": "cooling_down"}
        await worker.batch([clock_event("11:10")])

    assert await service.verdicts(connection) == {
        "10:00": "counted",
        "10:30": "cooling_down",
        "11:10": "counted",
    }
    assert list((await service.tallies(connection)).values()) == [2]
    _, xp = await service.messages(connection)
    assert [message["data"]["amount"] for message in xp] == [5, -5]


async def test_late_event_moves_a_whole_row(database: str, connection: Connection) -> None:
    """A late event turns over every verdict after it, up to where the walk is as it was."""
    row = ["10:50", "11:40", "12:30", "13:20", "15:00"]
    async with service.running(database) as worker:
        await worker.apply(dedup_document(HOURLY))
        await worker.batch([clock_event(at) for at in row])
        before = await service.verdicts(connection)
        await worker.batch([clock_event("10:30")])

    assert list(before.values()) == ["counted", "cooling_down", "counted", "cooling_down", "counted"]
    after = ["counted", "cooling_down", "counted", "cooling_down", "counted", "counted"]
    assert list((await service.verdicts(connection)).values()) == after


async def test_late_event_meets_a_tie(database: str, connection: Connection) -> None:
    """Of two events at one instant the one with the lesser key counts, whichever came first."""
    keys = {"evt-1": "already_counted", "evt-2": "counted"}  # b67d… and 11b8…
    async with service.running(database) as worker:
        await worker.apply(dedup_document({"policy": "once"}))
        for name in keys:
            await worker.batch([clock_event("10:00", id=name)])

    assert await service.verdicts(connection) == keys


@pytest.mark.parametrize("fixed", ["older edition", "settled"])
async def test_fixed_points_block_on_either_side(database: str, connection: Connection, fixed: str) -> None:
    """What counted under an older edition, or as settled, blocks what is near it on either side."""
    async with service.running(database) as worker:
        await worker.apply(dedup_document({"policy": "always"} if fixed == "older edition" else HOURLY))
        await worker.batch([clock_event("12:00", settled=fixed == "settled")])
        await worker.apply(dedup_document(HOURLY))
        found = {}
        for at in ("13:00", "12:59", "11:01", "11:00"):
            await worker.batch([clock_event(at)])
            found[at] = (await service.verdicts(connection))[at]

    assert found == {
        "13:00": "counted",
        "12:59": "cooling_down",
        "11:01": "cooling_down",
        "11:00": "counted",
    }


@pytest.mark.parametrize("fixed", ["older edition", "settled"])
async def test_fixed_point_leaves_nothing_to_once(database: str, connection: Connection, fixed: str) -> None:
    """Where something counted under an older edition, or as settled, `once` counts nothing any more."""
    once = {"policy": "once"}
    async with service.running(database) as worker:
        await worker.apply(dedup_document(HOURLY if fixed == "older edition" else once))
        await worker.batch([clock_event("12:00", settled=fixed == "settled")])
        await worker.apply(dedup_document(once))
        await worker.batch([clock_event("14:00")])
        await worker.batch([clock_event("10:00")])

    assert await service.verdicts(connection) == {
        "10:00": "already_counted",
        "12:00": "counted",
        "14:00": "already_counted",
    }


async def test_settled_event_moves_nothing(database: str, connection: Connection) -> None:
    """A settled event counts only where nothing counts near it, and never takes another's place."""
    async with service.running(database) as worker:
        await worker.apply(dedup_document(HOURLY))
        await worker.batch([clock_event("12:00")])
        await worker.batch([clock_event("11:30", settled=True)])
        await worker.batch([clock_event("11:00", settled=True)])
        await worker.batch([clock_event("10:30")])

    assert await service.verdicts(connection) == {
        "10:30": "cooling_down",
        "11:00": "counted",
        "11:30": "cooling_down",
        "12:00": "counted",
    }


async def test_settled_events_come_after_their_batch(database: str, connection: Connection) -> None:
    """Settled events are judged beside what the ordinary ones of their batch have come to."""
    async with service.running(database) as worker:
        await worker.apply(dedup_document(HOURLY))
        await worker.batch([clock_event("11:30")])
        await worker.batch(
            [
                clock_event("10:00", settled=True),
                clock_event("10:01", settled=True),
                clock_event("12:00", settled=True),
                clock_event("12:15", settled=True),
                clock_event("11:00"),
            ]
        )

    assert await service.verdicts(connection) == {
        "10:00": "counted",  # a whole hour before 11:00
        "10:01": "cooling_down",
        "11:00": "counted",
        "11:30": "cooling_down",  # no longer in the way of those after it
        "12:00": "counted",
        "12:15": "cooling_down",
    }


async def test_event_read_twice_at_once(database: str, connection: Connection) -> None:
    """Of two workers that apply one event key at the same time one applies it, to the other it is a duplicate."""
    schedule = Schedule(database, connection)
    await service.apply_document(database, dedup_document(HOURLY))
    outcomes: list[str] = []

    async def work(number: int) -> None:
        lane = service.Feed("deals", number)
        async with service.running(database, feed=lane, connect=lambda: schedule.connect(number)) as worker:
            outcomes.extend(await worker.batch([clock_event("10:00")]))

    await schedule.run([0, 1], {number: work(number) for number in (0, 1)})

    assert schedule.lock_waits > 0
    assert sorted(outcomes) == ["applied", "duplicate"]
    assert await service.verdicts(connection) == {"10:00": "counted"}
    assert list((await service.tallies(connection)).values()) == [1]


async def test_conflicting_duplicate_creates_nobody(database: str, connection: Connection) -> None:
    """An event key that comes again for another contact is a conflicting duplicate and creates no contact."""
    async with service.running(database) as worker:
        await worker.apply(dedup_document(HOURLY))
        assert await worker.batch([clock_event("10:00")]) == ["applied"]
        assert await worker.batch([clock_event("10:00", subject="bob")]) == ["duplicate"]
        assert await worker.batch([clock_event("11:00"), clock_event("11:00", subject="cid")]) == [
            "applied",
            "duplicate",
        ]
        assert worker.metrics.registry.get_sample_value("engagement_conflicting_duplicates_total") == 2

    assert {contact for _, _, contact in await service.scores(connection)} == {"ann"}


async def test_causes_are_cut_at_twenty(database: str, connection: Connection) -> None:
    """A score message names the first 20 events that did it, and says how many there were."""
    async with service.running(database) as worker:
        await worker.apply(dedup_document({"policy": "always"}))
        await worker.batch([clock_event(f"10:{minute}") for minute in range(34, 9, -1)])

    [message], _ = await service.messages(connection)
    assert message["data"]["event_count"] == 25
    assert [event["id"] for event in message["data"]["events"]] == [
        f"10:{minute}" for minute in range(10, 30)
    ]
    assert message["data"]["overall"] == {"previous": 0, "current": 250}
