"""`engagement run`: the worker."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING

from consumer.cli import SUCCESS
from consumer.cli.arguments import Commands, command
from consumer.infra import settings
from consumer.infra.telemetry import logs

if TYPE_CHECKING:
    from argparse import Namespace


def register(commands: Commands) -> None:
    """Add the command."""
    added = command(
        commands,
        "run",
        "run the worker: events in, messages out",
        "Runs the worker: reads product events, judges them into Postgres and publishes messages, with "
        "health and metrics over HTTP. SIGTERM finishes the batch in flight and ends within ten seconds.",
    )
    added.add_argument("--only", choices=("ingest", "relay"), help="run one half of the worker alone")
    added.set_defaults(handler=_handle)


def _handle(arguments: Namespace) -> int:
    import uvloop  # noqa: PLC0415 - see the package's docstring

    from consumer.worker import app  # noqa: PLC0415 - the same

    made = settings.load()
    logs.configure(made.log_level, made.log_format)
    # A batch makes and drops tens of thousands of objects, next to none of them in circles, and a twentieth of the
    # worker's time would go into looking for some.
    gc.freeze()
    gc.set_threshold(100_000)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(app.run(made, arguments.only))
    return SUCCESS
