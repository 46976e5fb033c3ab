"""The order of the demo: stage, worker, feed, until everything is through; then the checks.

Owns who runs beside whom, and when it is over. Never decides what is right: summary.py does.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from consumer.demo import environment, final_report, screen
from consumer.demo.feed import feed
from consumer.demo.run import Run
from consumer.demo.shutdown import ended_by_signals, logged_to_a_file
from consumer.demo.traffic.scenario import scenario
from consumer.infra import postgres
from consumer.infra.clock import SystemClock
from consumer.worker.app import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from consumer.demo.screen import Moment
    from consumer.demo.traffic.scenario import SimulatedRecord

# What the events are spread over, and how far before it an account's horizon lies: nothing is older but what is
# meant to be expired.
_SPAN = timedelta(days=5)
_HORIZON = timedelta(days=45)
# The last record is stamped a little before now: the pace is drawn, not exact.
_MARGIN = timedelta(hours=1)
# Seconds between two looks at everything; and without any progress, after which something must be wrong.
_LOOK = 0.3
_PATIENCE = 20.0


class StalledError(Exception):
    """Nothing has come any further for a while, though not everything is through."""


async def run_demo(*, events: int = 20_000, seed: int = 1, on: Console | None = None) -> bool:
    """Show everything in one go and return whether all of it was as it must be.

    events: how many records to feed. on: where to show it, standard output unless given. Raises ServerFailedError
    where a server does not start, and whatever the worker crashes with; its log is then kept and its place told.
    """
    on = on or screen.console()
    with ended_by_signals(), logged_to_a_file(on) as log:
        log.keep = not await _staged(on, events, seed)
        return not log.keep


async def _staged(on: Console, events: int, seed: int) -> bool:
    begin = SystemClock().now() - _SPAN - _MARGIN
    horizon = begin - _HORIZON
    on.print("Starting an embedded PostgreSQL and an embedded broker …")
    async with environment.raised(horizon) as settings:
        connection = await postgres.connect(settings.dsn())
        try:
            run = Run(settings, connection, events)
            records = scenario(
                seed,
                begin=begin,
                pace=_SPAN.total_seconds() / events,
                horizon=(environment.HORIZON_ACCOUNT, horizon),
            )
            await _performed(run, records, on)
            return await final_report.closed(run, on)
        finally:
            # Not close(): that waits for an answer, and here it may be Ctrl-C that ends us.
            connection.terminate()


async def _performed(run: Run, records: Iterator[SimulatedRecord], on: Console) -> None:
    """Run the worker on the records until all of them are through, or nothing moves any more."""
    worker = Worker(run.settings, observer=run.counts.handle)
    run.metrics = worker.metrics
    with screen.shown(on) as show:
        try:
            async with asyncio.TaskGroup() as group:
                working = group.create_task(worker.run())
                beside = [group.create_task(run.reader.run()), group.create_task(_watch(run, show))]
                await feed(run.settings, records, run.counts)
                await _all_through(run)
                worker.stopping.set()
                await working
                for task in beside:
                    task.cancel()
        except* StalledError as stalled:
            on.print(f"[red]{stalled.exceptions[0]}[/]")
        show(run.moment())


async def _watch(run: Run, show: Callable[[Moment], None]) -> None:
    """Show what there is to see, until cancelled; raises StalledError."""
    last, moved_at = run.progress(), run.seconds
    while True:
        await run.look()
        show(run.moment())
        if run.progress() != last:
            last, moved_at = run.progress(), run.seconds
        elif run.seconds - moved_at > _PATIENCE:
            raise StalledError(f"nothing has moved for {_PATIENCE:.0f} seconds")
        await asyncio.sleep(_LOOK)


async def _all_through(run: Run) -> None:
    """Wait until everything fed has an outcome and every message of it was read from the topics."""
    while True:
        await run.counts.change()
        if run.counts.all_handled:
            run.end()
            # Only what is read from here on is sure to know of the last batch.
            await run.look()
            if run.counts.all_read:
                return
