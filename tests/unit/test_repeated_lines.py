"""Which of equal log lines are written."""

from __future__ import annotations

import structlog

from consumer.infra.telemetry.repeated_lines import RepeatedLines
from tests.clock_by_hand import ClockByHand


def test_one_a_minute_says_how_many_were_left_out() -> None:
    """The first of equal lines is written, and the first after a minute, with the number in between."""
    clock = ClockByHand()
    lines = RepeatedLines(clock.monotonic)
    answers = []
    for _ in range(125):
        answers.append(lines.left_out("a topic is missing"))
        clock.seconds += 1
    assert [(second, count) for second, count in enumerate(answers) if count is not None] == [
        (0, 0),
        (60, 59),
        (120, 59),
    ]


def test_different_lines_do_not_hide_each_other() -> None:
    """A warning with another value is another line."""
    lines = RepeatedLines(ClockByHand().monotonic)
    log = structlog.get_logger()
    with structlog.testing.capture_logs() as written:
        for shard in (0, 1, 0, 1):
            lines.warn(log, "publisher restarted", shard=shard, error="topics are missing")
    assert [line["shard"] for line in written] == [0, 1]
    assert "repeated" not in written[0]


def test_the_minute_counts_from_the_line_that_was_written() -> None:
    """A line that repeats for hours is written again, and its warning says how often it was not."""
    clock = ClockByHand()
    lines = RepeatedLines(clock.monotonic)
    with structlog.testing.capture_logs() as written:
        for _ in range(4):
            lines.warn(structlog.get_logger(), "probe not published", error="refused")
            clock.seconds += 25
    assert [line.get("repeated") for line in written] == [None, 2]


def test_lines_that_all_differ_are_forgotten() -> None:
    """What is kept in mind does not grow with the lines."""
    lines = RepeatedLines(ClockByHand().monotonic)
    assert [lines.left_out(number) for number in range(3000)] == [0] * 3000
    assert lines.left_out(2999) is None
    assert lines.left_out(0) == 0
