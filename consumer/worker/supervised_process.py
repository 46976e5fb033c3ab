"""One of the processes of a supervisor: started, started again whenever it ends, and stopped."""

from __future__ import annotations

import asyncio
import signal
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from consumer.infra.telemetry.health import STUCK_AFTER
from consumer.infra.wait import backoff, event_within
from consumer.worker.supervisor_link import Committed, Failure, Report, messages, write_if_read

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Callable, Mapping, Sequence

    from consumer.infra.clock import Clock
    from consumer.infra.telemetry.merged_metrics import MergedMetrics
    from consumer.worker.supervisor_link import Message

log = structlog.get_logger(__name__)

# Seconds until a process that ended is started again: the first time, and at most. The alert on restarts expects
# several in half an hour.
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
# A process that has run for so many seconds did not end because of its start: the pauses begin anew.
_SETTLED_AFTER = 60.0
# Seconds for which a report is valid.
_FRESH = 5.0
# Seconds for a process to end by itself after SIGTERM, of the ten that stopping may take.
_STOP_SECONDS = 9.0
_CHECK_EVERY = 1.0


class SupervisedProcess:
    """A process that is kept running.

    failure: the lines of a start that can only fail again. on_commit: called with this after each of its commits.
    """

    def __init__(
        self,
        number: int,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        metrics: MergedMetrics,
        clock: Clock,
    ) -> None:
        self.number = number
        self.failure: list[str] | None = None
        self.on_commit: Callable[[SupervisedProcess], None] = lambda _process: None
        self._command = command
        self._environment = environment
        self._metrics = metrics
        self._clock = clock
        self._process: Process | None = None
        self._link: asyncio.StreamWriter | None = None
        self._started_at = 0.0
        self._report: Report | None = None
        self._reported_at = 0.0
        self._was_ready = False
        self._lines: list[str] = []
        self._why = "is starting"

    # Its health ----------------------------------------------------------------------------------------------

    def ready(self) -> bool:
        """Return True if it runs and has reported within seconds that it is ready."""
        return self._fault() is None and self._report is not None and self._report.ready

    def states(self) -> dict[str, dict[str, bool | str | None]]:
        """Return its own state and that of each of its components, as Health.states does."""
        name = f"process-{self.number}"
        why = self._fault()
        states: dict[str, dict[str, bool | str | None]] = {name: {"ok": why is None, "why": why}}
        if self._report is not None:
            states |= {
                f"{name}/{component}": {"ok": state.ok, "why": state.why}
                for component, state in self._report.components.items()
            }
        return states

    def _fault(self) -> str | None:
        if self._report is None:
            return self._why
        silent_for = self._clock.monotonic() - self._reported_at
        return f"has not reported for {silent_for:.0f} s" if silent_for > _FRESH else None

    # Its life ------------------------------------------------------------------------------------------------

    async def run(self, stopping: asyncio.Event) -> int:
        """Keep it running until `stopping` is set; return the exit code of the last one, as subprocess does.

        If it ends by itself before it was ever ready, so would the next one: then sets `stopping` and `failure`.
        """
        attempt = 0
        while True:
            code = await self._run_once(stopping)
            if stopping.is_set():
                return code
            if code > 0 and not self._was_ready:
                self.failure = self._lines
                stopping.set()
                return code
            settled = self._clock.monotonic() - self._started_at > _SETTLED_AFTER
            attempt = 1 if settled else attempt + 1
            pause = backoff(attempt, first=_FIRST_PAUSE, most=_LONGEST_PAUSE)
            why = "; ".join(self._lines) or _how_ended(code)
            self._why = f"{why}; it is being started again"
            log.warning("process ended", why=why, starts_again_in=round(pause, 1), **self._tags())
            if await event_within(stopping, pause):
                return 0

    def wake(self) -> None:
        """Let its relay look at the outbox now: another process has committed."""
        if self._link is not None:
            write_if_read(self._link, b"\0")

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()

    async def _run_once(self, stopping: asyncio.Event) -> int:
        ours, theirs = socket.socketpair()
        reading = asyncio.create_task(self._read(ours))
        try:
            with theirs:
                process = await self._start(theirs.fileno())
            watching = asyncio.create_task(self._watch(process, stopping))
            try:
                code = await process.wait()
            finally:
                watching.cancel()
            await reading
        finally:
            self.kill()
            reading.cancel()
            self._report = None
            self._metrics.end(self.number)
        return code

    async def _start(self, descriptor: int) -> Process:
        self._lines = []
        self._process = process = await asyncio.create_subprocess_exec(
            *self._command,
            "--supervised",
            f"{self.number}:{descriptor}",
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            pass_fds=[descriptor],
            # Ctrl-C in a terminal reaches its whole session; the processes are stopped by their supervisor alone.
            start_new_session=True,
        )
        self._started_at = self._reported_at = self._clock.monotonic()
        log.info("process started", **self._tags())
        return process

    async def _read(self, ours: socket.socket) -> None:
        reader, self._link = await asyncio.open_unix_connection(sock=ours)
        try:
            async for message in messages(reader):
                self._take(message)
        finally:
            self._link.close()
            self._link = None

    def _take(self, message: Message) -> None:
        match message:
            case Committed():
                self.on_commit(self)
            case Failure():
                self._lines = message.lines
            case Report():
                self._report = message
                self._reported_at = self._clock.monotonic()
                self._was_ready = self._was_ready or message.ready
                self._metrics.update(self.number, message.metrics)

    async def _watch(self, process: Process, stopping: asyncio.Event) -> None:
        """Kill it where it is stuck; once `stopping` is set ask it to end, and kill it if it does not in time."""
        while not await event_within(stopping, _CHECK_EVERY):
            if self._is_stuck():
                log.error("process is stuck, it is killed", **self._tags())
                self.kill()
                return
        with suppress(ProcessLookupError):
            process.terminate()
        await asyncio.sleep(_STOP_SECONDS)
        log.warning("process has not stopped in time, it is killed", **self._tags())
        self.kill()

    def _is_stuck(self) -> bool:
        silent_for = self._clock.monotonic() - self._reported_at
        return silent_for > STUCK_AFTER or (self._report is not None and not self._report.alive)

    def _tags(self) -> dict[str, int | None]:
        return {"process": self.number, "pid": self._process.pid if self._process else None}


def _how_ended(code: int) -> str:
    return (
        f"killed by signal {-code} ({signal.strsignal(-code)})"
        if code < 0
        else f"ended with exit code {code}"
    )
