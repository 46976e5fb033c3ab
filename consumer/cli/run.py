"""`engagement run`: the worker."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING

import uvloop

from consumer.cli import SUCCESS
from consumer.infra.settings import load_settings
from consumer.infra.telemetry import logs
from consumer.worker import app

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments and handler."""
    parser.description = (
        "Runs the worker: reads product events, applies them to Postgres and publishes messages, with "
        "health and metrics over HTTP. On SIGTERM it finishes the batch in flight and exits within ten "
        "seconds."
    )
    parser.add_argument("--only", choices=("ingest", "relay"), help="run one half of the worker alone")
    parser.set_defaults(handler=_handle)


def _handle(arguments: Namespace) -> int:
    settings = load_settings()
    logs.configure(settings.log_level, settings.log_format)
    # A batch allocates and frees tens of thousands of objects, with almost no cycles among them; looking for
    # cycles would take a twentieth of the worker's time.
    gc.freeze()
    gc.set_threshold(100_000)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(app.run(settings, arguments.only))
    return SUCCESS
