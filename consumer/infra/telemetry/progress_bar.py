"""Shows the progress of long work on standard error: a bar on a terminal, a line every five seconds elsewhere."""

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
    what: str, total: int | None = None, *, clock: Clock | None = None
) -> Iterator[Callable[[int], None]]:
    """Yield a function to call with the amount done so far; total: the whole amount, None if unknown."""
    if sys.stderr.isatty():
        with _bar(what, total) as report:
            yield report
        return
    yield _lines(what, total, clock or SystemClock())


@contextmanager
def _bar(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.update(task, completed=done)


def _lines(what: str, total: int | None, clock: Clock) -> Callable[[int], None]:
    started = last = clock.monotonic()

    def report(done: int) -> None:
        nonlocal last
        now = clock.monotonic()
        if now - last >= _EVERY_SECONDS:
            last = now
            of = f" of {total}" if total else ""
            print(f"{what}: {done}{of}, {done / (now - started):.0f}/s", file=sys.stderr, flush=True)  # noqa: T201 - progress is printed

    return report
