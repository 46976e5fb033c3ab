"""When a lane counts as stuck."""

from __future__ import annotations

from consumer.ingest.stall_detector import STUCK_AFTER, STUCK_WHILE_BUSY_AFTER, StallDetector

_LANE = ("deals", 0)
# Seconds that a fetch waits for records, and that a batch of a busy pipeline takes.
_WAIT, _BATCH = 0.2, 5.0


def test_a_lane_is_stuck_when_there_was_time_for_it() -> None:
    """Thirty seconds of fetches that found nothing, with records waiting at one offset: stuck, and not before."""
    detector = StallDetector()
    assert detector.stuck_lanes(0.0, {_LANE: 5}) == set()
    detector.note_idle(STUCK_AFTER - _WAIT)
    assert detector.stuck_lanes(STUCK_AFTER - _WAIT, {_LANE: 5}) == set()
    detector.note_idle(_WAIT)
    assert detector.stuck_lanes(STUCK_AFTER, {_LANE: 5}) == {_LANE}


def test_a_lane_that_moves_or_has_nothing_waiting_is_not() -> None:
    """Progress begins the count anew, and so does having nothing to do."""
    detector = StallDetector()
    for now, waiting in (
        (0.0, {_LANE: 5}),
        (20.0, {_LANE: 6}),
        (40.0, {_LANE: 6}),
        (45.0, {}),
        (46.0, {_LANE: 6}),
    ):
        assert detector.stuck_lanes(now, waiting) == set()
        detector.note_idle(20.0)
    assert detector.stuck_lanes(70.0, {_LANE: 6}) == set()
    detector.note_idle(10.0)
    assert detector.stuck_lanes(80.0, {_LANE: 6}) == {_LANE}


def test_a_lane_waits_longer_where_others_keep_its_worker_busy() -> None:
    """While other lanes have a backlog it is stuck only after five minutes."""
    detector = StallDetector()
    assert detector.stuck_lanes(0.0, {_LANE: 5}) == set()
    assert detector.stuck_lanes(STUCK_WHILE_BUSY_AFTER - _WAIT, {_LANE: 5}) == set()
    assert detector.stuck_lanes(STUCK_WHILE_BUSY_AFTER, {_LANE: 5}) == {_LANE}


def test_an_empty_fetch_among_long_batches_does_not_shorten_the_patience() -> None:
    """An empty fetch at the start and between any two batches of five seconds: five minutes all the same."""
    detector = StallDetector()
    now = 0.0
    while now < STUCK_WHILE_BUSY_AFTER:
        detector.note_idle(_WAIT)
        assert detector.stuck_lanes(now, {_LANE: 5}) == set()
        now += _WAIT + _BATCH
    assert detector.stuck_lanes(now, {_LANE: 5}) == {_LANE}
