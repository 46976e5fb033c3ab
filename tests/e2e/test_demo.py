"""`engagement demo`: what it shows and checks, how it ends, and that it removes everything it created."""

from __future__ import annotations

import html
import io
import json
import logging
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
import structlog
from rich.console import Console

from consumer.demo import director
from consumer.demo.director import run_demo
from consumer.demo.reader import MessageReader
from schemas.vocabulary import SCORE_CHANGED_TOPIC
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiokafka import ConsumerRecord


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make the folder of all temporary files of the demo, accessible to its servers."""
    # Not pytest's own: each run of pytest that begins meanwhile closes its parent to other users.
    with tempfile.TemporaryDirectory(prefix="engagement-test-") as made:
        folder = Path(made)
        folder.chmod(0o711)
        monkeypatch.setattr("tempfile.tempdir", made)
        yield folder


@pytest.fixture
def _logging_restored() -> Iterator[None]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def _started(temporary: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "TMPDIR": str(temporary),
        # Settings of a real installation, which the demo ignores.
        "ENGAGEMENT_TOPIC_PREFIX": "prod-",
        "ENGAGEMENT_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "consumer", "demo", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _has_committed(temporary: Path) -> bool:
    return any('"event": "batch"' in log.read_text() for log in temporary.glob("engagement-demo-*.log"))


def _left_in(temporary: Path) -> list[Path | str]:
    """Return every file in this folder, and every process that was started from it."""
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [*temporary.iterdir(), *(line for line in listed.splitlines() if str(temporary) in line)]


def test_the_demo_shows_every_outcome_and_passes_its_checks(temporary: Path) -> None:
    """Within 90 seconds it feeds 20,000 events, sees every outcome, verifies them, and leaves nothing."""
    began = time.monotonic()
    with _started(temporary) as process:
        output, errors = process.communicate(timeout=110)
    assert process.returncode == 0, output + errors
    assert time.monotonic() - began < 90
    assert errors == ""
    lines = [line.strip() for line in output.splitlines()]
    for words in (
        "ok  20,000 events fed, 20,000 got exactly one outcome",
        "ok  every outcome occurred",
        "ok  every verdict occurred",
        "ok  verify: recomputed from the stored timeline, no differences",
        "Became hot last, by engagement.band-changed:",
    ):
        assert words in lines
    found = re.search(
        r"ok  ([\d,]+) entries applied, ([\d,]+) deleted with their contacts, ([\d,]+) verified", output
    )
    assert found
    applied, deleted, verified = (int(number.replace(",", "")) for number in found.groups())
    assert applied - deleted == verified > 20_000
    assert deleted > 0
    assert re.search(r"ok  ([\d,]+) of \1 messages read from the topics by distinct id", output)
    assert re.search(r"ok  [1-9][\d,]* late flips", output)
    assert re.search(r"ok  [1-9][\d,]* XP reversals", output)
    assert re.search(r"ok  [1-9][\d,]* crossings into hot", output)
    assert re.search(
        r"ok  bands in the database and in messages: [\d,]+ cold, [\d,]+ hot, [\d,]+ warm, all equal", output
    )
    assert re.search(
        r"^ +\d+ s: .+; \d+ became hot, last .+ \(\w+\), \d+ points by \w+", output, re.MULTILINE
    )
    assert re.search(r"^ +\d+ s: \d+ of 20000 events, \d+/s, lag \d+: ", output, re.MULTILINE)
    assert re.search(r"^.+ \(.+, c-\d{5}\): overall -?\d+ = ", output, re.MULTILINE)
    assert re.search(r"overtaken: -\d+ XP rep-\d", output)
    assert "gone" in output
    assert _left_in(temporary) == []


@pytest.fixture
def _heeds_interrupts() -> Iterator[None]:
    """Let Ctrl-C end a child of this process, even if a shell runs the tests in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_heeds_interrupts")
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"]
)
async def test_a_signal_ends_it_at_any_time(temporary: Path, number: signal.Signals, code: int) -> None:
    """Ended in the middle of the traffic it exits within seconds with the signal's code, and leaves nothing."""
    with _started(temporary, "--events", "2000000") as process:
        try:
            await eventually(lambda: _has_committed(temporary), within=60, what="a batch was committed")
            process.send_signal(number)
            sent = time.monotonic()
            _, errors = process.communicate(timeout=20)
            took = time.monotonic() - sent
        finally:
            process.kill()
    assert process.returncode == code, errors
    # A second or two on an idle machine.
    assert took < 6
    assert errors == ""
    assert _left_in(temporary) == []


@pytest.mark.usefixtures("_heeds_interrupts")
async def test_it_serves_until_ctrl_c(temporary: Path) -> None:
    """With --serve an e-mail's pixel comes to the timeline, and who becomes hot is printed, until Ctrl-C."""
    with _started(temporary, "--events", "500", "--serve") as process:
        try:
            assert process.stdout
            printed = ""
            while "Who becomes hot" not in printed:
                line = process.stdout.readline()
                assert line, process.stderr and process.stderr.read()
                printed += line
            site = _found(r"sample site with the tracker +(\S+)", printed)
            headers = {"authorization": _found(r'auth="Authorization: (.+)"', printed)}
            timeline = _found(r'"(\S+/timeline)"', printed)
            async with httpx.AsyncClient(headers={"user-agent": "Mozilla/5.0 (X11; Linux x86_64)"}) as client:
                assert "tracker.js" in (await client.get(site)).text
                page = (await client.get(f"{site}mail")).text
                pixel = await client.get(html.unescape(_found(r'<img src="(\S+)"', page)))
                assert pixel.headers["content-type"] == "image/gif"

                async def opened() -> bool:
                    answer = await client.get(timeline, headers=headers)
                    return answer.is_success and "track.email.opened" in answer.text

                await eventually(opened, within=20, what="the opened e-mail on the timeline")
                adjustment = json.loads(_found(r"--json '(.+)'", printed))
                address = _found(r'"(\S+/adjustments)"', printed)
                given = await client.post(address, headers=headers, json=adjustment)
                assert given.status_code == 201, given.text
            assert process.stdout.readline() == "became hot: customer-7 (acme), 51 points by adjustment\n"
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=20)
        finally:
            process.kill()
    assert (process.returncode, errors) == (0, "")
    assert _left_in(temporary) == []


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    assert found, text
    return found[1]


def test_it_ends_when_its_output_is_closed(temporary: Path) -> None:
    """When the reader of its output closes the pipe it ends with 1, prints no error, and leaves nothing."""
    with _started(temporary, "--events", "2000000") as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(30) == 1
    assert _left_in(temporary) == []


@pytest.mark.usefixtures("_logging_restored")
async def test_a_lost_message_fails_it(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the reader misses one message the demo fails, names the failed check, and keeps the worker's log."""
    take = MessageReader._process
    lost: list[ConsumerRecord] = []

    def careless(reader: MessageReader, topic: str, record: ConsumerRecord) -> None:
        if topic == SCORE_CHANGED_TOPIC and not lost:
            lost.append(record)
            return
        take(reader, topic, record)

    monkeypatch.setattr(MessageReader, "_process", careless)
    monkeypatch.setattr(director, "_STALL_SECONDS", 3.0)
    written = io.StringIO()
    assert not await run_demo(events=1000, on=Console(file=written, width=110))
    output = written.getvalue()
    assert "no progress for 3 seconds" in output
    # If it was the last message about a contact, that score differs as well.
    failed, *others = re.findall(r"^ *FAILED  (.*)$", output, re.MULTILINE)
    assert [
        other for other in others if "scores in the database and in messages: 1 differ" not in other
    ] == []
    numbers = re.match(r"(\d+) of (\d+) messages read", failed)
    assert numbers
    assert int(numbers[1]) == int(numbers[2]) - 1
    assert f"engagement demo: {1 + len(others)} of 13 checks failed" in output
    [log] = _left_in(temporary)
    assert f"The worker's log: {log}" in output
    assert _has_committed(temporary)
