"""Chapter four of the worker on a real broker: several processes under one supervisor, seen as one worker."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from consumer.relay import relay
from consumer.worker.app import Worker
from consumer.worker.supervisor_link import Committed, SupervisorLink, messages, write_if_read
from schemas.vocabulary import SCORE_CHANGED_TOPIC
from tests.kafka.six_slices import SLICES, one_each, until_applied
from tests.kafka.worker_process import ROOT, WorkerProcess
from tests.servers.freezing import freeze
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    import asyncpg

    from tests.kafka.installation import Installation

pytestmark = pytest.mark.real_kafka

# What is promised after SIGTERM, in seconds.
STOPPED = 10
_COUNTERS = {"counter", "histogram"}


@asynccontextmanager
async def _two_processes(
    installation: Installation, folder: Path, **settings: str
) -> AsyncIterator[WorkerProcess]:
    """Give a worker of two processes that is ready; its processes end with it."""
    async with WorkerProcess(installation, folder, "--processes", "2", **settings) as worker:
        await worker.until(200, within=30)
        yield worker


async def _slices_by_process(observer: asyncpg.Connection[asyncpg.Record]) -> dict[int, int]:
    """Return how many slices each process has, by its pid."""
    rows = await observer.fetch(
        "select w.name, count(*) from slices s join workers w on w.id = s.worker_id group by w.name"
    )
    return {int(row["name"].rpartition(":")[2]): row["count"] for row in rows}


async def _until_shared(observer: asyncpg.Connection[asyncpg.Record], worker: WorkerProcess) -> None:
    """Wait until each process that runs now has half of the slices."""

    async def shared() -> bool:
        assert await _slices_by_process(observer) == dict.fromkeys(worker.processes(), SLICES // 2)
        return True

    await eventually(shared, within=20, what="each process to have half of the slices")


class _Counters:
    """Reads /metrics again and again; fallen: the series of counters and histograms that ever went down."""

    def __init__(self, worker: WorkerProcess) -> None:
        self._worker = worker
        self._highest: dict[tuple[str, str], float] = {}
        self.fallen: set[tuple[str, str]] = set()
        self.scrapes = 0

    async def run(self) -> None:
        while True:
            for family in text_string_to_metric_families(await self._worker.exposition()):
                for sample in family.samples if family.type in _COUNTERS else ():
                    series = sample.name, str(sorted(sample.labels.items()))
                    if sample.value < self._highest.get(series, 0.0):
                        self.fallen.add(series)
                    self._highest[series] = max(sample.value, self._highest.get(series, 0.0))
            self.scrapes += 1
            await asyncio.sleep(0.05)

    def shown(self, name: str) -> float:
        """Return the sum of a counter over its labels, as last read."""
        return sum(value for (series, _), value in self._highest.items() if series == name)


@asynccontextmanager
async def _counters(worker: WorkerProcess) -> AsyncIterator[_Counters]:
    counters = _Counters(worker)
    reading = asyncio.create_task(counters.run())
    try:
        yield counters
        assert not reading.done(), reading.result()
    finally:
        reading.cancel()
        await asyncio.wait([reading])


async def test_a_killed_process_is_replaced_and_nothing_is_lost(
    installation: Installation,
    observer: asyncpg.Connection[asyncpg.Record],
    tmp_path: Path,
    report_line: Callable[[str], None],
) -> None:
    """After kill -9 of one of two processes the other takes over, a new one starts, and no counter ever falls.

    SIGTERM then ends all of them in time with exit code 0.
    """
    async with _two_processes(installation, tmp_path) as worker:
        async with _counters(worker) as counters:
            await _until_shared(observer, worker)
            pipelines = await observer.fetch("select pipelines from workers")
            assert [row["pipelines"] for row in pipelines] == [[0], [0]], "one pipeline in each process"
            await one_each(installation, 0)
            await until_applied(observer, SLICES)
            await eventually(
                lambda: counters.shown("engagement_records_total") == SLICES,
                within=5,
                what="both to be counted",
            )
            killed, other = worker.processes()
            os.kill(killed, signal.SIGKILL)
            began = time.monotonic()
            await worker.until(503, within=5, component="process-1")
            await one_each(installation, 100)
            await until_applied(observer, 2 * SLICES)
            taken_over = time.monotonic() - began
            await worker.until(200, within=30)
            replaced = time.monotonic() - began
            await _until_shared(observer, worker)
            assert other in worker.processes()
            assert killed not in worker.processes()
            await one_each(installation, 200)
            await until_applied(observer, 3 * SLICES)
            await eventually(
                lambda: counters.shown("engagement_records_total") == 3 * SLICES,
                within=5,
                what="what the new process did, added to what the killed one had done",
            )
            assert counters.fallen == set()
            assert counters.scrapes > 20

            async def published() -> bool:
                messages = await installation.messages(SCORE_CHANGED_TOPIC)
                assert sum(message["data"]["event_count"] for message in messages) == 3 * SLICES
                assert len({message["id"] for message in messages}) == len(messages)
                return True

            await eventually(published, within=10, what="each event in one message")
        processes = worker.processes()
        stopped = await worker.terminate(within=STOPPED)
        assert not [pid for pid in processes if psutil.pid_exists(pid)]
    assert await _slices_by_process(observer) == {}, "leases released in order"
    lines = worker.lines()
    assert {line["process"] for line in lines if line["event"] == "lanes taken"} == {1, 2}
    [ended] = [line for line in lines if line["event"] == "process ended"]
    assert (ended["process"], ended["pid"], ended["why"]) == (1, killed, "killed by signal 9 (Killed)")
    report_line(
        f"one of two processes killed: taken over after {taken_over:.1f} s, ready again after {replaced:.1f} s, "
        f"all stopped in {stopped:.1f} s"
    )


async def test_processes_end_with_a_supervisor_that_was_killed(
    installation: Installation, observer: asyncpg.Connection[asyncpg.Record], tmp_path: Path
) -> None:
    """After kill -9 of the supervisor its processes end by themselves and release their leases."""
    async with _two_processes(installation, tmp_path) as worker:
        await _until_shared(observer, worker)
        processes = worker.processes()
        worker.kill()
        await eventually(
            lambda: not [pid for pid in processes if psutil.pid_exists(pid)],
            within=STOPPED,
            what="the processes to end",
        )
    assert await _slices_by_process(observer) == {}


async def test_a_second_signal_ends_everything_at_once(
    installation: Installation, observer: asyncpg.Connection[asyncpg.Record], tmp_path: Path
) -> None:
    """While a frozen process delays the end, a second SIGTERM kills it."""
    async with _two_processes(installation, tmp_path) as worker:
        await _until_shared(observer, worker)
        processes = worker.processes()
        freeze(processes[0])
        os.kill(worker.pid, signal.SIGTERM)
        await eventually(lambda: not psutil.pid_exists(processes[1]), within=STOPPED, what="the other to end")
        assert worker.running()
        os.kill(worker.pid, signal.SIGTERM)
        await eventually(lambda: not worker.running(), within=3, what="the supervisor to end")
    assert not psutil.pid_exists(processes[0])


@pytest.mark.usefixtures("observer")
async def test_a_commit_is_published_by_the_relay_of_another_process_at_once(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process reports its commits, and one that is woken publishes without waiting for its relay to look."""
    monkeypatch.setattr(relay, "_IDLE", 3600.0)
    ends = {half: socket.socketpair() for half in ("ingest", "relay")}
    links = {half: SupervisorLink(1, theirs.detach()) for half, (_, theirs) in ends.items()}
    workers = {half: Worker(installation.settings(), link=link) for half, link in links.items()}
    reader, writer = await asyncio.open_unix_connection(sock=ends["ingest"][0])
    _, to_relay = await asyncio.open_unix_connection(sock=ends["relay"][0])

    async def pass_on() -> None:
        async for message in messages(reader):
            if isinstance(message, Committed):
                write_if_read(to_relay, b"\0")

    tasks = [asyncio.create_task(worker.run(half)) for half, worker in workers.items()]
    passing = asyncio.create_task(pass_on())
    try:
        await eventually(
            lambda: all(worker.health.ready() for worker in workers.values()), within=20, what="both ready"
        )
        await eventually(lambda: workers["relay"]._relay._wake_events, within=20, what="a shard of the relay")
        for number in range(3):
            await one_each(installation, 100 * number)

            async def published(expected: int = (number + 1) * SLICES) -> bool:
                found = await installation.messages(SCORE_CHANGED_TOPIC)
                assert sum(message["data"]["event_count"] for message in found) == expected
                return True

            await eventually(published, within=10, what="the messages of a commit")
    finally:
        for worker in workers.values():
            worker.stopping.set()
        await asyncio.gather(*tasks)
        for link in links.values():
            link._socket.close()
        await passing
        for each in (writer, to_relay):
            each.close()
            await each.wait_closed()


@pytest.mark.parametrize("processes", ["1", "2"])
async def test_a_database_without_the_schema_ends_the_worker(
    processes: str, installation: Installation, observer: asyncpg.Connection[asyncpg.Record]
) -> None:
    """What an operator has to change is one line and exit code 1, the same with one process and with several."""
    await observer.execute("alter table slices rename to elsewhere")
    environment = installation.environment(processes=processes, log_level="error")
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "consumer", "run"],
        env={**os.environ, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    # Libraries may log errors as well.
    [line] = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert line.startswith(
        "engagement run: the database lacks the schema of this version, run `engagement migrate`: "
    )
