"""`engagement shards`: prints or changes the number of shards of the outbox."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from consumer.cli import SUCCESS, CommandFailedError, print_line
from consumer.cli.arguments import positive
from consumer.infra import kafka, postgres
from consumer.infra.settings import load_settings
from consumer.relay.change_shards import change_shards, read_shards
from schemas.vocabulary import MAX_SHARDS, POSITIONS_TOPIC

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from consumer.infra.settings import Settings


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments and handler."""
    parser.description = (
        "Prints the number of shards of the outbox, or changes it while workers run. Each shard is published in "
        "Kafka transactions of its own: one shard has the lowest latency, more let several relays share the work. "
        "For a change, batches wait until the outbox is published, at most five seconds."
    )
    parser.add_argument("number", nargs="?", type=positive, metavar="N", help="the new number of shards")
    parser.set_defaults(handler=_handle, wrong_usage=parser.error)


def _handle(arguments: Namespace) -> int:
    if arguments.number is None:
        print_line(str(asyncio.run(_read(load_settings(kafka=False)))))
        return SUCCESS
    if arguments.number > MAX_SHARDS:
        arguments.wrong_usage(f"at most {MAX_SHARDS} shards")
    before = asyncio.run(_change(load_settings(), arguments.number))
    print_line(f"{arguments.number} shards, before {before}")
    return SUCCESS


async def _read(settings: Settings) -> int:
    connection = await postgres.connect(settings.dsn(), application_name="engagement-shards")
    try:
        return await read_shards(connection)
    finally:
        await connection.close()


async def _change(settings: Settings, shards: int) -> int:
    connection = await postgres.connect(settings.dsn(), application_name="engagement-shards")
    try:
        if settings.relay != "plain":
            await _require_partitions(settings, shards)
        return await change_shards(connection, shards)
    finally:
        await connection.close()


async def _require_partitions(settings: Settings, shards: int) -> None:
    """Raise CommandFailedError unless every shard has a partition for its position."""
    topic = settings.topic(POSITIONS_TOPIC)
    async with kafka.metadata_client(settings, "shards") as client:
        partitions = (await kafka.partitions_by_topic(client)).get(topic, 0)
    if partitions < shards:
        raise CommandFailedError(
            f"{topic} has {partitions} partitions: create it with `engagement topics`, or add partitions by "
            f"kafka-topics --alter --topic {topic} --partitions {shards}"
        )
