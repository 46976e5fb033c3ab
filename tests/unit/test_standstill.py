"""When a lane counts as stuck."""

from __future__ import annotations

from consumer.ingest.stall_detector import BUSY_AFTER, STUCK_AFTER, Standstill

_LANE = ("deals", 0)


def test_a_lane_is_stuck_when_there_was_time_for_it() -> None:
    """Thirty seconds at one offset with records waiting and a fetch that found nothing: stuck, and not before."""
    standstill = Standstill()
    assert standstill.look(0.0, {_LANE: 5}, had_time=True) == set()
    assert standstill.look(STUCK_AFTER - 0.1, {_LANE: 5}, had_time=False) == set()
    assert standstill.look(STUCK_AFTER, {_LANE: 5}, had_time=False) == {_LANE}


def test_a_lane_that_moves_or_has_nothing_waiting_is_not() -> None:
    """Progress begins the count anew, and so does having nothing to do."""
    standstill = Standstill()
    standstill.look(0.0, {_LANE: 5}, had_time=True)
    standstill.look(20.0, {_LANE: 6}, had_time=True)
    assert standstill.look(40.0, {_LANE: 6}, had_time=True) == set()
    standstill.look(45.0, {}, had_time=True)
    standstill.look(46.0, {_LANE: 6}, had_time=True)
    assert standstill.look(70.0, {_LANE: 6}, had_time=True) == set()


def test_a_lane_waits_longer_where_others_keep_its_worker_busy() -> None:
    """Behind a backlog of other lanes it is stuck after five minutes only."""
    standstill = Standstill()
    standstill.look(0.0, {_LANE: 5}, had_time=False)
    assert standstill.look(STUCK_AFTER * 2, {_LANE: 5}, had_time=False) == set()
    assert standstill.look(BUSY_AFTER, {_LANE: 5}, had_time=False) == {_LANE}
