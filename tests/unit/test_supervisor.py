"""The supervisor, with real processes that have nothing to do: they end, are stuck, or cannot start."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from consumer.infra.clock import SystemClock
from consumer.infra.telemetry.merged_metrics import MergedMetrics
from consumer.worker import supervised_process
from consumer.worker.supervised_process import SupervisedProcess
from consumer.worker.supervisor import ProcessFailedError, Supervisor
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

# A process that counts one conflicting duplicate and is ready until SIGTERM. The text in place of ACTION is run
# after its first report, before it is ready; `number` is its own, `first`: whether it is the first of its number.
# SIGUSR1 is a commit, and a rebalance that it counts a wake.
_PROCESS = """
import asyncio, os, pathlib, signal, sys
from consumer.infra.clock import SystemClock
from consumer.infra.telemetry.health import Health
from consumer.infra.telemetry.metrics import Metrics
from consumer.worker.supervisor_link import SupervisorLink

class Watched(Health):
    def ready(self):
        reported.set()
        return super().ready()

async def report_and_stop():
    reporting.cancel()
    await asyncio.wait([reporting])

async def main():
    global reporting, reported
    stopping, reported = asyncio.Event(), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, link.report_commit)
    health, metrics = Watched(SystemClock()), Metrics()
    health.expect("ingest")
    reporting = asyncio.create_task(link.report(health, metrics, wake=metrics.rebalances.inc))
    await reported.wait()
    ACTION
    metrics.conflicting_duplicates.inc()
    health.report("ingest", ok=True)
    await stopping.wait()
    await report_and_stop()

number, descriptor = map(int, sys.argv[-1].split(":"))
link = SupervisorLink(number, descriptor)
mark = pathlib.Path(sys.argv[1], str(number))
first = not mark.exists()
mark.touch()
asyncio.run(main())
"""


class _Watched:
    """A supervisor that runs."""

    def __init__(
        self,
        processes: list[SupervisedProcess],
        supervisor: Supervisor,
        metrics: MergedMetrics,
        running: asyncio.Task[int],
    ) -> None:
        self.processes = processes
        self.supervisor = supervisor
        self.metrics = metrics
        self.running = running

    async def until_ready(self, within: float = 20) -> None:
        """Wait until every process is ready."""
        await eventually(self.supervisor.ready, within=within, what="every process to be ready")

    def why(self, component: str) -> str | None:
        """Return why a component is not well."""
        state = self.supervisor.states().get(component)
        return None if state is None or state["why"] is None else str(state["why"])

    def counted(self, name: str = "conflicting_duplicates") -> float:
        """Return what all processes have counted together."""
        lines = self.metrics.exposition().decode().splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(f"engagement_{name}_total "))

    def commit(self, number: int) -> None:
        """Let a process report a commit."""
        process = self.processes[number - 1]._process
        assert process is not None
        process.send_signal(signal.SIGUSR1)


@asynccontextmanager
async def _supervising(folder: Path, action: str = "pass", processes: int = 2) -> AsyncIterator[_Watched]:
    command = [sys.executable, "-c", _PROCESS.replace("ACTION", action), str(folder)]
    clock = SystemClock()
    metrics = MergedMetrics(clock)
    made = [
        SupervisedProcess(number, command, os.environ, metrics=metrics, clock=clock)
        for number in range(1, processes + 1)
    ]
    supervisor = Supervisor(made)
    running = asyncio.create_task(supervisor.run())
    try:
        yield _Watched(made, supervisor, metrics, running)
    finally:
        if not running.done():
            supervisor.stop("test")
            supervisor.stop("test")
        await asyncio.wait([running])


async def test_several_processes_are_one(tmp_path: Path) -> None:
    """Ready when all are, with the components of each, what they counted summed; stopped in order the code is 0."""
    async with _supervising(tmp_path) as watched:
        assert not watched.supervisor.ready()
        assert watched.why("process-1") == watched.why("process-2") == "is starting"
        await watched.until_ready()
        assert watched.supervisor.states() == {
            name: {"ok": True, "why": None}
            for name in ("process-1", "process-1/ingest", "process-2", "process-2/ingest")
        }
        await eventually(lambda: watched.counted() == 2, within=5, what="what both counted")
        watched.supervisor.stop("SIGTERM")
        assert await asyncio.wait_for(watched.running, 5) == 0


async def test_a_commit_of_one_process_wakes_the_others(tmp_path: Path) -> None:
    """Each process but the one that committed looks at the outbox at once: the shard may be its own."""
    async with _supervising(tmp_path, processes=3) as watched:
        await watched.until_ready()
        watched.commit(2)
        await eventually(lambda: watched.counted("rebalances") == 2, within=5, what="two processes to wake")
        watched.commit(3)
        await eventually(lambda: watched.counted("rebalances") == 4, within=5, what="two processes to wake")


async def test_one_process_that_is_not_ready_is_named(tmp_path: Path) -> None:
    """A component of one process that is not well makes the whole not ready, and /readyz names both."""
    action = (
        "if number == 2: health.report('ingest', ok=False, why='kafka: no answer'); await stopping.wait()"
    )
    async with _supervising(tmp_path, action) as watched:
        await eventually(
            lambda: watched.why("process-2/ingest") == "kafka: no answer", within=20, what="the reason"
        )
        await eventually(lambda: watched.why("process-1/ingest") is None, within=20, what="the other one")
        assert not watched.supervisor.ready()


async def test_a_process_that_crashes_is_started_again(tmp_path: Path) -> None:
    """One that was ready and then ends by a defect is replaced; what it counted to its end stays counted."""
    action = """
    if number == 2 and first:
        metrics.conflicting_duplicates.inc(100)
        health.report("ingest", ok=True)
        await report_and_stop()
        sys.exit(3)
    """
    async with _supervising(tmp_path, action) as watched:
        await eventually(
            lambda: watched.why("process-2") == "ended with exit code 3; it is being started again",
            within=20,
            what="the end of the second process",
        )
        assert not watched.supervisor.ready()
        await watched.until_ready()
        await eventually(lambda: watched.counted() == 102, within=5, what="what all of them counted")


async def test_restarts_slow_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that keeps crashing after it was ready is started again after longer and longer pauses."""
    pauses: list[float] = []

    def noted(attempt: int, *, first: float, most: float) -> float:
        pauses.append(min(most, first * 2 ** (attempt - 1)))
        return 0.0

    monkeypatch.setattr(supervised_process, "backoff", noted)
    monkeypatch.setattr(supervised_process, "_LONGEST_PAUSE", 1.5)
    action = "health.report('ingest', ok=True); await report_and_stop(); os._exit(3)"
    async with _supervising(tmp_path, action, processes=1):
        await eventually(lambda: len(pauses) >= 4, within=40, what="four restarts")
    assert pauses[:4] == [0.5, 1.0, 1.5, 1.5]


@pytest.mark.parametrize(
    "action",
    ["os.kill(os.getpid(), signal.SIGSTOP)", "health.alive = lambda: False"],
    ids=["silent", "not alive"],
)
async def test_a_process_that_is_stuck_is_replaced(
    action: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that reports that it is not alive, or nothing for so long, is killed and started again."""
    monkeypatch.setattr(supervised_process, "STUCK_AFTER", 3.0)
    async with _supervising(tmp_path, f"if number == 2 and first: {action}") as watched:
        await eventually(
            lambda: (watched.why("process-2") or "").startswith("killed by signal 9"),
            within=30,
            what="the stuck process to be killed",
        )
        assert watched.supervisor.alive()
        await watched.until_ready()


async def test_a_start_that_cannot_succeed_ends_the_whole(tmp_path: Path) -> None:
    """One that reports before it was ever ready what its user has to change ends all, with these lines."""
    action = "if number == 2: reporting.cancel(); link.fail(['one thing', 'another']); sys.exit(1)"
    async with _supervising(tmp_path, action) as watched:
        with pytest.raises(ProcessFailedError) as failed:
            await asyncio.wait_for(watched.running, 30)
        assert failed.value.lines == ["one thing", "another"]


async def test_a_defect_at_start_ends_the_whole(tmp_path: Path) -> None:
    """One that ends by itself before it was ever ready would again: the exit code is 1."""
    async with _supervising(tmp_path, "if number == 2: sys.exit(70)") as watched:
        assert await asyncio.wait_for(watched.running, 30) == 1


async def test_a_process_that_does_not_stop_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that ignores SIGTERM is killed in time, which the exit code shows."""
    monkeypatch.setattr(supervised_process, "_STOP_SECONDS", 1.0)
    async with _supervising(
        tmp_path, "if number == 2: stopping = asyncio.Event(); signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    ) as watched:
        await watched.until_ready()
        began = time.monotonic()
        watched.supervisor.stop("SIGTERM")
        assert await asyncio.wait_for(watched.running, 10) == 1
        assert 1 <= time.monotonic() - began < 3


async def test_a_second_signal_kills_what_is_left(tmp_path: Path) -> None:
    """While one process does not stop, a second signal ends it at once."""
    async with _supervising(
        tmp_path, "if number == 2: stopping = asyncio.Event(); signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    ) as watched:
        await watched.until_ready()
        watched.supervisor.stop("SIGTERM")
        await eventually(lambda: watched.why("process-1") is not None, within=5, what="the other one to end")
        assert not watched.running.done()
        watched.supervisor.stop("SIGTERM")
        assert await asyncio.wait_for(watched.running, 1) == 1


async def test_a_process_is_stopped_while_it_waits_for_its_restart(tmp_path: Path) -> None:
    """SIGTERM during a pause ends the whole at once, with 0."""
    action = (
        "health.report('ingest', ok=True); await asyncio.sleep(0.1); os.kill(os.getpid(), signal.SIGKILL)"
    )
    async with _supervising(tmp_path, action, processes=1) as watched:
        await eventually(
            lambda: (watched.why("process-1") or "").startswith("killed by"), within=20, what="its end"
        )
        watched.supervisor.stop("SIGTERM")
        assert await asyncio.wait_for(watched.running, 1) == 0
