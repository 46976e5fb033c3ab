"""Shows the progress of long work: a bar on a terminal, a plain line every five seconds elsewhere.

Writes to standard error, so that standard output has the command's output only.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from consumer.infra.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from consumer.infra.clock import Clock

_EVERY_SECONDS = 5.0


@contextmanager
def show_progress(
    title: str, total: int | None = None, *, clock: Clock | None = None
) -> Iterator[Callable[[int], None]]:
    """Yield a function to call with the number of items done so far; total: None if it is not known."""
    if sys.stderr.isatty():
        with _bar(title, total) as report:
            yield report
        return
    yield _lines(title, total, clock or SystemClock())


@contextmanager
def _bar(title: str, total: int | None) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(title, total=total)
        yield lambda done: progress.update(task, completed=done)


def _lines(title: str, total: int | None, clock: Clock) -> Callable[[int], None]:
    started = last = clock.monotonic()

    def report(done: int) -> None:
        nonlocal last
        now = clock.monotonic()
        if now - last >= _EVERY_SECONDS:
            last = now
            of = f" of {total}" if total else ""
            print(f"{title}: {done}{of}, {done / (now - started):.0f}/s", file=sys.stderr, flush=True)  # noqa: T201 - progress is printed

    return report
