"""How the demo ends before its time, and what it leaves: nothing but a log, if something went wrong.

Owns signals and the file that the worker logs to while the screen is in use. Never decides whether anything went
wrong.
"""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from consumer.demo.screen import NobodyWatchesError
from consumer.infra.telemetry import logs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

# Ctrl-C needs nothing of ours: asyncio.run cancels, and the command line knows the exit code.
_SIGNALS = (signal.SIGTERM, signal.SIGHUP)
_KILLED_BY = 128


@dataclass(slots=True)
class Log:
    """The worker's log; keep: whether it is left for people to read."""

    file: Path
    keep: bool = True


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Cancel the current task on SIGTERM and SIGHUP, so that it takes everything away; then exit as if killed."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    received: list[int] = []

    def end(number: int) -> None:
        received.append(number)
        if task is not None:
            task.cancel()

    for number in _SIGNALS:
        loop.add_signal_handler(number, end, number)
    try:
        yield
    except asyncio.CancelledError:
        if received:
            raise SystemExit(_KILLED_BY + received[0]) from None
        raise
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


@contextmanager
def logged_to_a_file(on: Console) -> Iterator[Log]:
    """Send all log lines to a temporary file, which goes unless it is to be kept; then its place is told."""
    descriptor, name = tempfile.mkstemp(prefix="engagement-demo-", suffix=".log")
    log = Log(Path(name))
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        logs.configure("info", "json", file)
        try:
            yield log
        except (asyncio.CancelledError, NobodyWatchesError):
            log.keep = False
            raise
        except BaseExceptionGroup as group:
            # What the command line knows an answer to, instead of the group around it.
            if gone := group.subgroup(NobodyWatchesError):
                log.keep = False
                raise NobodyWatchesError from gone
            raise
        finally:
            logs.configure()
            if log.keep:
                on.print(f"The worker's log: {log.file}", markup=False, soft_wrap=True)
            else:
                log.file.unlink(missing_ok=True)
