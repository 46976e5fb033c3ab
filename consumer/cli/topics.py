"""`engagement topics`: creates the topics that are missing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from consumer.cli import FAILURE, SUCCESS, complain, say
from consumer.cli.arguments import Commands, command
from consumer.infra import settings

if TYPE_CHECKING:
    from argparse import Namespace


def register(commands: Commands) -> None:
    """Add the command."""
    command(
        commands,
        "topics",
        "create the topics that are missing",
        "Creates the input and output topics that are missing, with the partitions and replicas of the "
        "settings, and reports what it did. A topic that is there is never changed.",
    ).set_defaults(handler=_handle)


def _handle(_arguments: Namespace) -> int:
    from consumer.infra.kafka.create_topics import create_missing  # noqa: PLC0415 - see the package's docstring

    made = settings.load(unneeded=frozenset({"database_url"}))
    results = asyncio.run(create_missing(made))
    for result in results:
        if result.error is None:
            did = "created" if result.created else "there already"
            say(f"{result.topic}: {did}, {result.partitions} partitions")
    failed = [result for result in results if result.error is not None]
    for result in failed:
        complain(f"engagement topics: {result.topic} could not be created: {result.error}")
    return FAILURE if failed else SUCCESS
