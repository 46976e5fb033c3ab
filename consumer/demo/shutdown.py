"""Ends the demo on signals, and keeps the worker's log off the screen: in a file, which stays if a run fails."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from consumer.demo.screen import OutputClosedError
from consumer.infra.telemetry import logs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

# Ctrl-C needs no handler: asyncio.run cancels the task, and the command line sets the exit code.
_SIGNALS = (signal.SIGTERM, signal.SIGHUP)
_KILLED_BY = 128


@dataclass(slots=True)
class WorkerLog:
    """The worker's log; keep: whether it stays after the run."""

    file: Path
    keep: bool = True


@contextmanager
def exit_on_signals() -> Iterator[None]:
    """On SIGTERM and SIGHUP cancel the current task, so that it cleans up; then exit as if killed."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    received: list[int] = []

    def cancel(number: int) -> None:
        received.append(number)
        if task is not None:
            task.cancel()

    for number in _SIGNALS:
        loop.add_signal_handler(number, cancel, number)
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
def log_to_file(on: Console) -> Iterator[WorkerLog]:
    """Write the log to a temporary file; at the end delete it, or print its path if `keep` is set."""
    descriptor, name = tempfile.mkstemp(prefix="engagement-demo-", suffix=".log")
    log = WorkerLog(Path(name))
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        logs.configure("info", "json", file)
        try:
            yield log
        except (asyncio.CancelledError, OutputClosedError):
            log.keep = False
            raise
        except BaseExceptionGroup as group:
            # The command line handles this error, but not a group around it.
            if gone := group.subgroup(OutputClosedError):
                log.keep = False
                raise OutputClosedError from gone
            raise
        finally:
            logs.configure()
            if log.keep:
                on.print(f"The worker's log: {log.file}", markup=False, soft_wrap=True)
            else:
                log.file.unlink(missing_ok=True)
