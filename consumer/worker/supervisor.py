"""Several worker processes as one: signals, restarts, and one address for their health and metrics.

Does none of the work itself, and holds no connection to Postgres or Kafka. The processes share the work as any
workers do, by leases in Postgres.
"""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

import structlog

from consumer.infra import http_server
from consumer.infra.clock import SystemClock
from consumer.infra.settings import variable
from consumer.infra.telemetry import health
from consumer.infra.telemetry.merged_metrics import MergedMetrics
from consumer.worker.supervised_process import SupervisedProcess

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.infra.settings import Settings

log = structlog.get_logger(__name__)

# How a process ends that was asked to: in order, or before it could listen to signals.
_STOPPED = (0, -signal.SIGTERM)


class ProcessFailedError(Exception):
    """A process cannot start; `lines` has one line for each fault."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("; ".join(lines))
        self.lines = lines


class Supervisor:
    """The processes of one worker, and their health as one."""

    def __init__(self, processes: Sequence[SupervisedProcess]) -> None:
        self._processes = processes
        self._stopping = asyncio.Event()
        for process in processes:
            process.on_commit = self._wake_others

    def alive(self) -> bool:
        """Return True: the supervisor itself replaces a process that is stuck."""
        return True

    def ready(self) -> bool:
        """Return True if every process is ready."""
        return all(process.ready() for process in self._processes)

    def states(self) -> dict[str, dict[str, bool | str | None]]:
        """Return the state of each process and of its components."""
        return {name: state for process in self._processes for name, state in process.states().items()}

    def stop(self, name: str) -> None:
        """Stop every process in order; at the second call, at once. name: of the signal, for the log."""
        log.info("stopping", signal=name)
        if self._stopping.is_set():
            for process in self._processes:
                process.kill()
        self._stopping.set()

    async def run(self) -> int:
        """Keep all processes running until they are stopped; return the exit code.

        Raises ProcessFailedError if one cannot start for a reason that its user can act on.
        """
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(process.run(self._stopping)) for process in self._processes]
        for process in self._processes:
            if process.failure:
                raise ProcessFailedError(process.failure)
        return 0 if all(task.result() in _STOPPED for task in running) else 1

    def _wake_others(self, committed: SupervisedProcess) -> None:
        """Let the relays of the other processes look at the outbox: the shard may be one of theirs."""
        for process in self._processes:
            if process is not committed:
                process.wake()


async def supervise(settings: Settings, command: Sequence[str], processes: int) -> int:
    """Run so many worker processes until SIGTERM or SIGINT, and return the exit code.

    command: starts one, with `--supervised NUMBER:DESCRIPTOR` added. Raises CannotListenError if the HTTP port is
    taken, and ProcessFailedError.
    """
    listener = http_server.listen_for_health(settings)
    clock = SystemClock()
    metrics = MergedMetrics(clock)
    environment = dict(os.environ)
    if "pipelines" not in settings.model_fields_set:
        # Batches at the same time come from the processes: a second pipeline in each adds no throughput.
        environment[variable("pipelines")] = "1"
    supervisor = Supervisor(
        [
            SupervisedProcess(number, command, environment, metrics=metrics, clock=clock)
            for number in range(1, processes + 1)
        ]
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, supervisor.stop, number.name)
    serving = asyncio.create_task(http_server.serve(health.application(supervisor, metrics), listener))
    try:
        return await supervisor.run()
    finally:
        serving.cancel()
        await asyncio.wait([serving])
