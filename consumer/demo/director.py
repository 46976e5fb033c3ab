"""Runs the demo: servers, then worker, feed and reader together until every message is read, then the checks."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from consumer.demo import final_report, prepare, screen
from consumer.demo.feed import feed
from consumer.demo.run_state import DemoRun
from consumer.demo.serve import serve
from consumer.demo.shutdown import exit_on_signals, log_to_file
from consumer.demo.traffic.scenario import scenario
from consumer.infra import postgres
from consumer.infra.clock import SystemClock
from consumer.worker.app import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from consumer.demo.screen import Snapshot
    from consumer.demo.traffic.scenario import SimulatedRecord

# The time over which the events are spread, and how long before it an account's retention horizon is: only events
# that are meant to be expired are older.
_SPAN = timedelta(days=5)
_HORIZON = timedelta(days=45)
# In all accounts together: with ten events each, a third of them becomes hot.
_CONTACTS = 2000
# Ends the span a little before now: the pace is random, so the last record may come later than planned.
_MARGIN = timedelta(hours=1)
_TO_THE_CONSOLE = "\nFor the console: engagement demo --serve goes on, and prints an address that signs in."
# Seconds between two updates of the screen; and without any progress, after which the run is stuck.
_REFRESH_SECONDS = 0.3
_STALL_SECONDS = 20.0


class DemoStalledError(Exception):
    """Nothing has advanced for a while, though the run is not complete."""


async def run_demo(
    *, events: int = 20_000, seed: int = 1, serves: bool = False, on: Console | None = None
) -> bool:
    """Run the demo and return whether every check holds.

    events: how many records to feed. serves: whether it then serves API, tracker and sample site, until SIGINT or
    SIGTERM. on: the console, standard output unless given. Raises ServerFailedError if a
    server does not start, and any error that the worker crashes with; its log is then kept and its path printed.
    """
    on = on or screen.make_console()
    with exit_on_signals(), log_to_file(on) as log:
        log.keep = not await _run_on_servers(on, events, seed, serves=serves)
        return not log.keep


async def _run_on_servers(on: Console, events: int, seed: int, *, serves: bool) -> bool:
    begin = SystemClock().now() - _SPAN - _MARGIN
    horizon = begin - _HORIZON
    on.print("Starting an embedded PostgreSQL and an embedded broker …")
    async with prepare.demo_environment(horizon) as settings:
        connection = await postgres.connect(settings.dsn())
        try:
            run = DemoRun(settings, connection, events)
            records = scenario(
                seed,
                begin=begin,
                pace=_SPAN.total_seconds() / events,
                contacts=_CONTACTS,
                horizon=(prepare.HORIZON_ACCOUNT, horizon),
            )
            await _process_all(run, records, on)
            holds = await final_report.check_and_print(run, on)
            if serves:
                await serve(settings, on)
            else:
                on.print(_TO_THE_CONSOLE, markup=False, soft_wrap=True)
            return holds
        finally:
            # Not close(): it waits for an answer, and this may be the end by Ctrl-C.
            connection.terminate()


async def _process_all(run: DemoRun, records: Iterator[SimulatedRecord], on: Console) -> None:
    """Run the worker on the records until all of them are processed, or nothing advances any more."""
    worker = Worker(run.settings, observer=run.counts.handle)
    run.metrics = worker.metrics
    with screen.live_display(on) as display:
        try:
            async with asyncio.TaskGroup() as group:
                working = group.create_task(worker.run())
                others = [group.create_task(run.reader.run()), group.create_task(_watch(run, display))]
                await feed(run.settings, records, run.counts)
                await _wait_until_all_read(run)
                worker.stopping.set()
                await working
                for task in others:
                    task.cancel()
        except* DemoStalledError as stalled:
            on.print(f"[red]{stalled.exceptions[0]}[/]")
        display(run.snapshot())


async def _watch(run: DemoRun, display: Callable[[Snapshot], None]) -> None:
    """Update the screen until cancelled; raise DemoStalledError if the run is stuck."""
    last, advanced_at = run.progress(), run.seconds
    while True:
        await run.refresh()
        display(run.snapshot())
        if run.progress() != last:
            last, advanced_at = run.progress(), run.seconds
        elif run.seconds - advanced_at > _STALL_SECONDS:
            raise DemoStalledError(f"no progress for {_STALL_SECONDS:.0f} seconds")
        await asyncio.sleep(_REFRESH_SECONDS)


async def _wait_until_all_read(run: DemoRun) -> None:
    """Wait until every record has an outcome and every message was read from the topics."""
    while True:
        await run.counts.wait_for_change()
        if run.counts.all_handled:
            run.mark_handled()
            # Only numbers read from here on are sure to include the last batch.
            await run.refresh()
            if run.counts.all_read:
                return
