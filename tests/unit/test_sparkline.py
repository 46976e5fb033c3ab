"""The small line of what a score was."""

from __future__ import annotations

from consumer.web.console.sparkline import HEIGHT, WIDTH, sparkline


def test_a_line_leads_from_the_oldest_value_to_the_newest() -> None:
    """The highest value is at the top, the lowest at the bottom, and the change is the last less the first."""
    line = sparkline([10, 30, 20])
    assert line.points == f"2.5,{HEIGHT - 2.5} {WIDTH / 2},2.5 {WIDTH - 2.5},10.0"
    assert line.end == (WIDTH - 2.5, 10.0)
    assert line.change == 10


def test_what_stays_the_same_is_a_line_in_the_middle() -> None:
    """Without a change the line is level."""
    assert {place.split(",")[1] for place in sparkline([7] * 8).points.split()} == {"10.0"}
