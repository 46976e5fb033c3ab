"""`engagement topics`: creates the topics that are missing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from consumer.cli import FAILURE, SUCCESS, print_error, print_line
from consumer.infra.kafka.create_topics import create_missing
from consumer.infra.settings import load_settings

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments and handler."""
    parser.description = (
        "Creates the input and output topics that are missing, with the partitions and replicas of the "
        "settings, and prints a line for each topic. Input topics refuse records dated more than an hour ahead "
        "(Kafka 3.6 and newer). Never changes a topic that exists: `engagement check` warns where one differs."
    )
    parser.set_defaults(handler=_handle)


def _handle(_arguments: Namespace) -> int:
    results = asyncio.run(create_missing(load_settings(database=False)))
    for result in results:
        if result.error is None:
            state = "created" if result.created else "exists already"
            print_line(f"{result.topic}: {state}, {result.partitions} partitions")
    failed = [result for result in results if result.error is not None]
    for result in failed:
        print_error(f"engagement topics: cannot create {result.topic}: {result.error}")
    return FAILURE if failed else SUCCESS
