"""When records count as held back by an open transaction: while the last stable offset stands still."""

from __future__ import annotations

from consumer.lanes.open_transactions import OpenTransactions

LANE = ("deals", 0)


def _seconds(watched: OpenTransactions) -> float | None:
    held = watched.get(LANE)
    return None if held is None else held.seconds


def test_a_stable_offset_that_moves_holds_nothing_back() -> None:
    """Transactions of a healthy producer follow one another: the offset moves, and the time begins anew."""
    watched = OpenTransactions()
    for second in range(20):
        watched.note(second, {LANE: second // 2}, {LANE: 100})
        assert watched.get(LANE) is None


def test_one_that_stands_still_does() -> None:
    """From three seconds on it counts, with all offsets up to the high watermark; at its end it does not."""
    watched = OpenTransactions()
    watched.note(0.0, {LANE: 10}, {LANE: 11})
    watched.note(2.9, {LANE: 10}, {LANE: 50})
    assert watched.get(LANE) is None
    watched.note(3.0, {LANE: 10}, {LANE: 60})
    held = watched.get(LANE)
    assert held is not None
    assert (held.seconds, held.begin, held.offsets) == (3.0, 10, 50)
    watched.note(9.0, {LANE: 61}, {LANE: 61})
    assert watched.get(LANE) is None


def test_a_look_that_fails_does_not_start_the_time_anew_for_others() -> None:
    """A lane that is missing from one look is not known to be held back, and begins anew."""
    watched = OpenTransactions()
    other = ("emails", 1)
    watched.note(0.0, {LANE: 1, other: 1}, {LANE: 2, other: 2})
    watched.note(4.0, {other: 1}, {other: 2})
    assert watched.get(LANE) is None
    assert watched.get(other) is not None
    watched.note(5.0, {LANE: 1, other: 1}, {LANE: 2, other: 2})
    assert _seconds(watched) is None
