"""`engagement web`: the HTTP side."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from consumer.cli import SUCCESS
from consumer.cli.arguments import Commands, command
from consumer.infra import settings
from consumer.infra.telemetry import logs

if TYPE_CHECKING:
    from argparse import Namespace


def register(commands: Commands) -> None:
    """Add the command."""
    command(
        commands,
        "web",
        "serve the HTTP API",
        "Serves the API under /v1, its description at /openapi.json, health and metrics. Needs the database, "
        "not Kafka; any number may run. SIGTERM lets requests in flight end.",
    ).set_defaults(handler=_handle)


def _handle(_arguments: Namespace) -> int:
    from consumer.web import app  # noqa: PLC0415 - see the package's docstring

    made = settings.load(unneeded=frozenset({"kafka_bootstrap"}))
    logs.configure(made.log_level, made.log_format)
    asyncio.run(app.run(made))
    return SUCCESS
