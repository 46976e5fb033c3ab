"""`engagement web`: the HTTP API and the public tracker."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import uvloop

from consumer.cli import SUCCESS
from consumer.infra.settings import SettingsError, load_settings, variable
from consumer.infra.telemetry import logs
from consumer.web import app

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments and handler."""
    parser.description = (
        "Serves the API under /v1, its OpenAPI document at /openapi.json, pages of it at /docs, health and "
        "metrics. Needs the database, not Kafka; run as many as you like. With Kafka it serves the public tracker "
        "too. On SIGTERM requests in flight are finished."
    )
    parser.add_argument(
        "--only",
        choices=["tracker"],
        help="serve the tracker alone, for a port and an address of its own; needs Kafka",
    )
    parser.set_defaults(handler=_handle)


def _handle(arguments: Namespace) -> int:
    only_tracker = arguments.only == "tracker"
    settings = load_settings(kafka=only_tracker)
    if only_tracker and not settings.tracker:
        raise SettingsError([f"{variable('tracker')} is false: there is nothing to serve"])
    logs.configure(settings.log_level, settings.log_format)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(app.run(settings, only_tracker=only_tracker))
    return SUCCESS
