"""`engagement run`: the worker, in one process or in several under a supervisor."""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import TYPE_CHECKING

import uvloop

from consumer.cli import FAILURE, SUCCESS
from consumer.cli.error_messages import explain
from consumer.infra.garbage import collect_garbage_rarely
from consumer.infra.setting_types import process_count
from consumer.infra.settings import load_settings, variable
from consumer.infra.telemetry import logs
from consumer.worker import app
from consumer.worker.supervisor import supervise
from consumer.worker.supervisor_link import SupervisorLink

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from consumer.infra.settings import Settings


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments and handler."""
    parser.description = (
        "Runs the worker: reads product events, applies them to Postgres and publishes messages, with "
        "health and metrics over HTTP. On SIGTERM it finishes the batch in flight and exits within ten "
        "seconds; on a second SIGTERM it exits at once."
    )
    parser.add_argument("--only", choices=("ingest", "relay"), help="run one half of the worker alone")
    parser.add_argument(
        "--processes",
        type=_processes,
        metavar="N",
        help="run so many worker processes under one supervisor, 'auto' for one per usable core "
        f"(default: {variable('processes')}, or else 1)",
    )
    # Given by the supervisor to the processes that it starts: their number, and the descriptor of their link.
    parser.add_argument("--supervised", type=_link, help=argparse.SUPPRESS)
    parser.set_defaults(handler=_handle)


def _processes(text: str) -> int:
    try:
        return process_count(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}, not {text!r}") from None


def _link(text: str) -> SupervisorLink:
    number, descriptor = text.split(":")
    return SupervisorLink(int(number), int(descriptor))


def _handle(arguments: Namespace) -> int:
    link: SupervisorLink | None = arguments.supervised
    if link is not None:
        return _run_supervised(link, arguments.only)
    settings = load_settings()
    logs.configure(settings.log_level, settings.log_format)
    processes: int = arguments.processes or settings.processes
    if processes == 1:
        _run_worker(settings, arguments.only)
        return SUCCESS
    return asyncio.run(supervise(settings, [sys.executable, *sys.orig_argv[1:]], processes))


def _run_supervised(link: SupervisorLink, only: str | None) -> int:
    """Run the worker; the supervisor prints an error that the user can act on, once for all processes."""
    try:
        settings = load_settings()
        logs.configure(settings.log_level, settings.log_format, process=link.number)
        _run_worker(settings, only, link)
    except Exception as error:
        lines = explain(error)
        if lines is None:
            raise
        link.fail(lines)
        return FAILURE
    return SUCCESS


def _run_worker(settings: Settings, only: str | None, link: SupervisorLink | None = None) -> None:
    collect_garbage_rarely()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(app.run(settings, only, link))
