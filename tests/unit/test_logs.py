"""Logs: one line per entry, in JSON or for reading, from libraries too."""

from __future__ import annotations

import io
import json
import logging
import threading
import warnings
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import structlog

from consumer.infra.telemetry import logs

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def _lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_our_lines_and_those_of_libraries_look_alike() -> None:
    """Our entries and the standard library's entries are JSON lines with time in UTC, level, logger and event."""
    stream = io.StringIO()
    logs.configure("info", "json", stream)
    logs.get("consumer.ingest.batch_processor").info("batch", records=3, name="Ünal")
    logging.getLogger("asyncpg").info("said %s", "so", extra={"server": "one"})
    ours, theirs = _lines(stream)
    assert (ours["event"], ours["level"], ours["logger"]) == (
        "batch",
        "info",
        "consumer.ingest.batch_processor",
    )
    assert (ours["records"], ours["name"]) == (3, "Ünal")
    assert (theirs["event"], theirs["level"], theirs["logger"]) == ("said so", "info", "asyncpg")
    assert theirs["server"] == "one"
    for line in (ours, theirs):
        at = datetime.fromisoformat(str(line["at"]))
        assert at.utcoffset() is not None
        assert abs((datetime.now(UTC) - at).total_seconds()) < 60


def test_each_line_has_the_process_where_there_are_several() -> None:
    """With a number of the process every line has it, those of libraries and of other threads too."""
    stream = io.StringIO()
    logs.configure("info", "json", stream, process=2)
    logs.get("consumer").info("batch")
    thread = threading.Thread(target=logging.getLogger("asyncpg").info, args=["said"])
    thread.start()
    thread.join()
    assert [(line["event"], line["process"]) for line in _lines(stream)] == [("batch", 2), ("said", 2)]


def test_an_exception_stays_on_its_line() -> None:
    """A traceback is a field of the JSON line, with the original message in it."""
    stream = io.StringIO()
    logs.configure("info", "json", stream)
    try:
        int("lost")
    except ValueError:
        logs.get("consumer").exception("failed")
    (line,) = _lines(stream)
    assert "ValueError: invalid literal" in str(line["exception"])


def test_the_level_holds_for_everyone() -> None:
    """Below the level nothing is written, and libraries that log each step stay quiet below a warning."""
    stream = io.StringIO()
    logs.configure("info", "json", stream)
    logs.get("consumer").debug("hidden")
    logging.getLogger("aiokafka.consumer").info("hidden too")
    logging.getLogger("aiokafka.consumer").warning("shown")
    assert [line["event"] for line in _lines(stream)] == ["shown"]


def test_what_a_library_repeats_is_written_once() -> None:
    """An equal line of a library is left out for a minute, a different one and our own lines are not."""
    stream = io.StringIO()
    logs.configure("info", "json", stream)
    for topic in ("deals", "deals", "emails", "deals"):
        logging.getLogger("aiokafka.cluster").error("Topic %s not found in cluster metadata", topic)
        logs.get("consumer").warning("lane stopped")
    assert [line["event"] for line in _lines(stream) if line["logger"] == "aiokafka.cluster"] == [
        "Topic deals not found in cluster metadata",
        "Topic emails not found in cluster metadata",
    ]
    assert [line["event"] for line in _lines(stream)].count("lane stopped") == 4


def test_configured_twice_each_line_is_written_once() -> None:
    """The last call holds: lines are not doubled, and loggers made before it follow."""
    early = logs.get("consumer")
    first, second = io.StringIO(), io.StringIO()
    logs.configure("info", "json", first)
    logs.configure("info", "console", second)
    early.info("batch", records=1)
    assert first.getvalue() == ""
    assert len(second.getvalue().splitlines()) == 1
    assert "records=1" in second.getvalue()
    assert "\x1b" not in second.getvalue()


def test_warnings_are_lines_too() -> None:
    """What Python warns of goes through the same door."""
    stream = io.StringIO()
    logs.configure("info", "json", stream)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn("old thing", UserWarning, stacklevel=1)
    (line,) = _lines(stream)
    assert "old thing" in str(line["event"])
