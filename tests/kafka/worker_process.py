"""The worker as operators run it: `python -m consumer run` as a process of its own, and what it says over HTTP.

Owns the process, its log file and its port. Never looks inside it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import httpx
import psutil
import pytest

from consumer.demo.servers.processes import end_with_parent, free_port, tail
from tests.servers.freezing import freeze, thaw
from tests.waiting import eventually

if TYPE_CHECKING:
    from types import TracebackType

    from tests.kafka.installation import Installation

ROOT = Path(__file__).parents[2]


class WorkerProcess:
    """A worker on this installation; used as a context manager it is killed at the end if it still runs.

    root, program: the folder that it runs in, and Python's arguments before those of `engagement`.
    """

    root = ROOT
    program: tuple[str, ...] = ("-m", "consumer")
    command = "run"

    def __init__(self, installation: Installation, folder: Path, *arguments: str, **settings: str) -> None:
        self.port = free_port()
        self.log = folder / f"{self.command}-{self.port}.log"
        self._client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", timeout=2)
        environment = {**os.environ, **installation.environment(http_port=str(self.port), **settings)}
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, *self.program, self.command, *arguments],
                cwd=self.root,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=end_with_parent(signal.SIGKILL),  # noqa: PLW1509 - as the embedded servers do
            )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        await self._client.aclose()

    @property
    def pid(self) -> int:
        """Its number as a process."""
        return self._process.pid

    def processes(self) -> list[int]:
        """Return the pids of the processes that it supervises, in the order in which they started."""
        children = psutil.Process(self.pid).children()
        return [child.pid for child in sorted(children, key=psutil.Process.create_time)]

    def running(self) -> bool:
        """Return whether it has not ended."""
        return self._process.poll() is None

    # What is done to it ----------------------------------------------------------------------------------

    def kill(self) -> None:
        """Kill it with kill -9 and wait for its end."""
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        """Freeze it, like a paused virtual machine."""
        freeze(self.pid)

    def thaw(self) -> None:
        """Let it go on."""
        thaw(self.pid)

    async def terminate(self, *, within: float) -> float:
        """Send SIGTERM and return the seconds it took to end, which must be with exit code 0."""
        begun = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        await eventually(lambda: self._process.poll() is not None, within=within, what="the worker to end")
        took = time.monotonic() - begun
        assert self._process.returncode == 0, tail(self.log)
        return took

    # What it says ----------------------------------------------------------------------------------------

    def lines(self) -> list[dict[str, Any]]:
        """Return its log so far."""
        complete = self.log.read_text().splitlines()
        return [json.loads(line) for line in complete if line.startswith("{") and line.endswith("}")]

    async def get(self, route: str, **options: Any) -> httpx.Response:
        """Return the answer to a GET of a route."""
        return await self._client.get(route, **options)

    async def post(self, route: str, **options: Any) -> httpx.Response:
        """Return the answer to a POST to a route."""
        return await self._client.post(route, **options)

    async def status(self, route: str) -> tuple[int, dict[str, Any]]:
        """Return what a route answers: status and body; 0 while no process listens."""
        if self._process.poll() is not None:
            pytest.fail(f"the worker has ended with {self._process.returncode}:{tail(self.log)}")
        try:
            response = await self._client.get(route)
        except httpx.TransportError:
            return 0, {}
        return response.status_code, response.json()

    async def until(self, status: int, *, within: float, component: str | None = None) -> float:
        """Wait until /readyz answers this, a 503 because of this component; return the seconds waited.

        /livez must answer 200 all the while.
        """
        begun = time.monotonic()

        async def answered() -> bool:
            alive, said = await self.status("/livez")
            if alive not in {0, 200}:
                pytest.fail(f"/livez: {alive} {said}")
            answer, said = await self.status("/readyz")
            assert answer == status, f"/readyz: {answer} {said}"
            assert component is None or not said["components"][component]["ok"], said
            return True

        await eventually(answered, within=within, every=0.05, what=f"/readyz to answer {status}")
        return time.monotonic() - begun

    async def exposition(self) -> str:
        """Return all metrics in Prometheus' text format."""
        return (await self._client.get("/metrics")).text

    async def metric(self, name: str, **labels: str) -> float:
        """Return the value of a metric, 0 where it is not shown."""
        text = await self.exposition()
        shown = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
        series = f"engagement_{name}{{{shown}}}" if labels else f"engagement_{name}"
        for line in text.splitlines():
            found, _, value = line.rpartition(" ")
            if found == series:
                return float(value)
        return 0.0

    async def highest(self, name: str) -> float:
        """Return the highest value of a metric over all its labels."""
        text = await self.exposition()
        shown = [line for line in text.splitlines() if line.startswith(f"engagement_{name}{{")]
        return max((float(line.rpartition(" ")[2]) for line in shown), default=0.0)
