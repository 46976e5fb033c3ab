"""What frames make of sums, and which sums show a range of points."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from consumer.domain.frame import Band, Frame

_BOUNDS = st.none() | st.integers(0, 30)
FRAMES = st.builds(
    lambda floor, cap: Frame(None if floor is None else -floor, cap, bands=(Band("low"), Band("high", 5))),
    _BOUNDS,
    _BOUNDS,
)
POINTS = st.integers(-60, 60)


@given(FRAMES, POINTS, POINTS, POINTS)
def test_a_range_of_shown_points_is_a_range_of_sums(frame: Frame, one: int, other: int, points: int) -> None:
    """A sum shows points of a range exactly if it is in the range of sums (5.29)."""
    least, most = sorted((one, other))
    low, high = frame.sums(least, most)
    assert (low <= points <= high) == (least <= frame.shown(points) <= most)


@given(FRAMES, POINTS, POINTS)
def test_sums_are_in_the_order_of_what_they_show(frame: Frame, one: int, other: int) -> None:
    """A list that is sorted by sums is sorted by shown points, and so by bands."""
    less, more = sorted((one, other))
    assert frame.shown(less) <= frame.shown(more)
    order = ["low", "high"]
    assert order.index(str(frame.band(frame.shown(less)))) <= order.index(str(frame.band(frame.shown(more))))
