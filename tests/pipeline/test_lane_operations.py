"""Lanes that people pause, resume and move, beside a worker that reads them: what a batch may still do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from consumer.lanes import operations, positions
from consumer.lanes.log_offsets import LogBounds
from consumer.lanes.positions import Lane
from schemas.vocabulary import LaneStop
from tests.builders.catalog_documents import document
from tests.builders.events import event
from tests.pipeline import service

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection

_KEY = ("deals", 0)


async def _lane(connection: Connection) -> Lane:
    return (await positions.read(connection, [_KEY]))[_KEY]


async def test_a_paused_lane_stands_until_resumed(database: str, connection: Connection) -> None:
    """From the pause on no batch has an effect, its worker sees why; resumed, the same records are processed."""
    async with service.running(database) as worker, service.kept_connection(database) as keeper:
        await worker.apply(document())
        assert await worker.batch([event("0")]) == ["applied"]
        assert await operations.pause(keeper, _KEY) is None
        assert await operations.pause(keeper, _KEY) is LaneStop.PAUSED
        records = worker.feed.records([event("1")])
        assert await worker.process(records) == []
        assert worker.lanes[_KEY].stopped == "paused"
        assert (await _lane(connection)).next_offset == 1

        assert await operations.resume(keeper, _KEY) is LaneStop.PAUSED
        assert await operations.resume(keeper, _KEY) is None
        # What a worker does once a second with the lanes it holds.
        worker.lanes.refresh(await positions.read(connection, worker.lanes))
        assert [one.outcome for one in await worker.process(records)] == ["applied"]
    assert len(await service.entries(connection)) == 2


async def test_a_resume_counts_dead_records_anew(database: str, connection: Connection) -> None:
    """Stopped for 100 dead records and resumed, a lane takes 99 more and stops after the hundredth again."""
    async with service.running(database) as worker, service.kept_connection(database) as keeper:
        await worker.apply(document())
        await worker.batch([event(str(n), accountid=None) for n in range(100)])
        assert (await _lane(connection)).stopped == "dead_letters"
        assert await operations.pause(keeper, _KEY) is LaneStop.DEAD_LETTERS
        assert await operations.resume(keeper, _KEY) is LaneStop.DEAD_LETTERS
        lane = await _lane(connection)
        assert (lane.stopped, lane.seen, lane.recent_dead) == (None, 0, ())
        worker.lanes.hold([lane])
        assert len(await worker.batch([event(str(n), accountid=None) for n in range(99)])) == 99
        assert (await _lane(connection)).stopped is None
        assert len(await worker.batch([event(str(n), accountid=None) for n in range(5)])) == 1
        assert (await _lane(connection)).stopped == "dead_letters"


@pytest.mark.parametrize("reason", [LaneStop.LOG_TRUNCATED, LaneStop.TOPIC_RECREATED])
async def test_only_a_seek_helps_where_the_log_does_not_fit(
    reason: LaneStop, database: str, connection: Connection
) -> None:
    """A lane that its log does not fit stays stopped however often it is resumed; a seek lets it go on."""
    async with service.running(database) as worker, service.kept_connection(database) as keeper:
        await worker.apply(document())
        await worker.batch([event("0")])
        await positions.stop(connection, worker.lanes[_KEY], reason)
        assert await operations.resume(keeper, _KEY) is reason
        assert await operations.resume(keeper, _KEY, [reason]) is reason
        stopped = await _lane(connection)
        assert stopped.stopped == reason
        assert "lanes seek deals 0" in operations.suggest_command(stopped)
        assert await operations.seek(keeper, stopped, 7) == (1, reason)
    lane = await _lane(connection)
    assert lane == Lane("deals", 0, stopped.epoch + 1, 7)


async def test_a_seek_fences_the_batch_in_flight(database: str, connection: Connection) -> None:
    """A worker's batch against a lane put elsewhere has no effect; taken over again it reads where it was put."""
    async with service.running(database) as worker, service.kept_connection(database) as keeper:
        await worker.apply(document())
        await worker.batch([event(str(n)) for n in range(5)])
        in_flight = worker.feed.records([event("5")])
        assert await operations.seek(keeper, await _lane(connection), 2) == (5, None)
        assert await worker.process(in_flight) == []
        assert _KEY not in worker.lanes
        assert (await _lane(connection)).next_offset == 2

        await worker.take_lanes({_KEY: 0})
        worker.feed.next_offset = worker.lanes[_KEY].next_offset
        again = await worker.batch([event(str(n)) for n in range(2, 7)])
        assert again == ["duplicate"] * 3 + ["applied"] * 2
    assert len(await service.entries(connection)) == 7


async def test_a_seek_leaves_a_pause_and_knows_its_epoch(database: str, connection: Connection) -> None:
    """A paused lane that is moved stays paused; a lane that changed hands since it was looked at is not moved."""
    async with service.running(database) as worker, service.kept_connection(database) as keeper:
        before = await _lane(connection)
        await operations.pause(keeper, _KEY)
        assert await operations.seek(keeper, before, 3) == (0, LaneStop.PAUSED)
        assert await operations.seek(keeper, before, 4) is None
        lane = await _lane(connection)
        assert (lane.next_offset, lane.stopped, lane.epoch) == (3, "paused", before.epoch + 1)
        assert worker.lanes[_KEY] == before


async def test_other_reasons_are_left(database: str, connection: Connection) -> None:
    """A resume for one reason leaves those stopped for another; a lane that does not exist is reported missing."""
    async with service.running(database), service.kept_connection(database) as keeper:
        await operations.pause(keeper, _KEY)
        assert await operations.resume(keeper, _KEY, [LaneStop.DEAD_LETTERS]) is LaneStop.PAUSED
        assert (await _lane(connection)).stopped == "paused"
        with pytest.raises(LookupError):
            await operations.resume(keeper, ("deals", 9))


def test_lanes_beside_their_logs() -> None:
    """Lag is to the end of the log, unknown without one; never-read lanes count from the log's beginning."""
    lane = Lane("deals", 0, 1, 40)
    known = {("deals", 0): LogBounds(10, 100, 100), ("deals", 1): LogBounds(10, 15, 15)}
    beside = operations.lane_statuses(
        [lane, replace(lane, topic="emails"), replace(lane, partition=2)], known
    )
    assert [(one.key, one.lag) for one in beside] == [
        (("deals", 0), 60),
        (("deals", 1), 5),
        (("deals", 2), None),
        (("emails", 0), None),
    ]


def test_a_log_that_was_never_read_is_all_lag() -> None:
    """Where a topic was recreated every record of the new log waits, however far the old one was read."""
    lane = Lane("deals", 0, 1, 40, stopped=LaneStop.TOPIC_RECREATED.value)
    [status] = operations.lane_statuses([lane], {lane.key: LogBounds(2, 30, 30)})
    assert status.lag == 28
