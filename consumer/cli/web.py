"""`engagement web`: the HTTP API."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import uvloop

from consumer.cli import SUCCESS
from consumer.infra.settings import load_settings
from consumer.infra.telemetry import logs
from consumer.web import app

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments and handler."""
    parser.description = (
        "Serves the API under /v1, its OpenAPI document at /openapi.json, pages of it at /docs, health and "
        "metrics. Needs the database, not Kafka; run as many as you like. On SIGTERM requests in flight are "
        "finished."
    )
    parser.set_defaults(handler=_handle)


def _handle(_arguments: Namespace) -> int:
    settings = load_settings(kafka=False)
    logs.configure(settings.log_level, settings.log_format)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(app.run(settings))
    return SUCCESS
