"""How far long work has got: a bar on a terminal, a plain line every few seconds elsewhere.

Owns showing it, on standard error, so that answers on standard output stay clean. Never decides how fast work
goes.
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
    what: str, total: int | None = None, *, clock: Clock | None = None
) -> Iterator[Callable[[int], None]]:
    """Give a function to be called with how much is done by now; total: of how much, None without an end."""
    if sys.stderr.isatty():
        with _bar(what, total) as tell:
            yield tell
        return
    yield _lines(what, total, clock or SystemClock())


@contextmanager
def _bar(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.update(task, completed=done)


def _lines(what: str, total: int | None, clock: Clock) -> Callable[[int], None]:
    begun = last = clock.monotonic()

    def tell(done: int) -> None:
        nonlocal last
        now = clock.monotonic()
        if now - last >= _EVERY_SECONDS:
            last = now
            of = f" of {total}" if total else ""
            print(f"{what}: {done}{of}, {done / (now - begun):.0f}/s", file=sys.stderr, flush=True)  # noqa: T201 - progress is printed

    return tell
