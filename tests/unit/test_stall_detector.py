"""When a lane counts as stuck."""

from __future__ import annotations

from consumer.ingest.stall_detector import STUCK_AFTER, STUCK_WHILE_BUSY_AFTER, StallDetector

_LANE = ("deals", 0)


def test_a_lane_is_stuck_when_there_was_time_for_it() -> None:
    """Thirty seconds at one offset with records waiting and a fetch that found nothing: stuck, and not before."""
    standstill = StallDetector()
    assert standstill.stuck_lanes(0.0, {_LANE: 5}, was_idle=True) == set()
    assert standstill.stuck_lanes(STUCK_AFTER - 0.1, {_LANE: 5}, was_idle=False) == set()
    assert standstill.stuck_lanes(STUCK_AFTER, {_LANE: 5}, was_idle=False) == {_LANE}


def test_a_lane_that_moves_or_has_nothing_waiting_is_not() -> None:
    """Progress begins the count anew, and so does having nothing to do."""
    standstill = StallDetector()
    standstill.stuck_lanes(0.0, {_LANE: 5}, was_idle=True)
    standstill.stuck_lanes(20.0, {_LANE: 6}, was_idle=True)
    assert standstill.stuck_lanes(40.0, {_LANE: 6}, was_idle=True) == set()
    standstill.stuck_lanes(45.0, {}, was_idle=True)
    standstill.stuck_lanes(46.0, {_LANE: 6}, was_idle=True)
    assert standstill.stuck_lanes(70.0, {_LANE: 6}, was_idle=True) == set()


def test_a_lane_waits_longer_where_others_keep_its_worker_busy() -> None:
    """While other lanes have a backlog it is stuck only after five minutes."""
    standstill = StallDetector()
    standstill.stuck_lanes(0.0, {_LANE: 5}, was_idle=False)
    assert standstill.stuck_lanes(STUCK_AFTER * 2, {_LANE: 5}, was_idle=False) == set()
    assert standstill.stuck_lanes(STUCK_WHILE_BUSY_AFTER, {_LANE: 5}, was_idle=False) == {_LANE}
