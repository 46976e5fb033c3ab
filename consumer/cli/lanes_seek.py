"""`engagement lanes seek`: puts a lane elsewhere in its log."""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING

from consumer.cli import SUCCESS, CommandFailedError, say
from consumer.cli.arguments import Commands, command, partition
from consumer.cli.confirmation import add_yes, confirm
from consumer.infra import settings
from schemas import timestamps

if TYPE_CHECKING:
    from argparse import Namespace

    from consumer.infra.settings import Settings
    from consumer.lanes.log_offsets import LogOffsets
    from consumer.lanes.positions import Lane, LaneKey

_FORMS = "an offset, 'earliest', 'latest' or a time like 2026-03-02T10:00:00Z"


def register(commands: Commands) -> None:
    """Add the command to those of `engagement lanes`."""
    added = command(
        commands,
        "seek",
        "put a lane elsewhere in its log",
        "Puts a lane at another place in its log, after saying what is skipped or read again by that. What was "
        "applied before has no effect when it is read again. A worker that reads the lane notices, and one whose "
        "log did not fit goes on.",
    )
    added.add_argument("topic", metavar="TOPIC", help="the lane's topic, without the prefix")
    added.add_argument("partition", type=partition, metavar="PARTITION", help="its partition")
    added.add_argument("--to", type=_target, required=True, metavar="PLACE", help=f"where: {_FORMS}")
    add_yes(added)
    added.set_defaults(handler=_handle)


def _target(text: str) -> str | int:
    """Read a place: 'earliest' or 'latest', an offset as a number, or a time as it was written."""
    if text in {"earliest", "latest"}:
        return text
    if text.isascii() and text.isdigit():
        return int(text)
    if (timestamps.microseconds(text) or -1) < 0:
        raise argparse.ArgumentTypeError(f"must be {_FORMS}, not {text!r}")
    return text


def _handle(arguments: Namespace) -> int:
    key = (arguments.topic, arguments.partition)
    asyncio.run(_seek(settings.load(), key, arguments.to, yes=arguments.yes))
    return SUCCESS


async def _seek(made: Settings, key: LaneKey, target: str | int, *, yes: bool) -> None:
    from consumer.infra import postgres  # noqa: PLC0415 - see the package's docstring
    from consumer.infra.postgres.connection_keeper import ConnectionKeeper  # noqa: PLC0415 - the same
    from consumer.lanes import log_offsets, operations  # noqa: PLC0415 - the same

    keeper = ConnectionKeeper(lambda: postgres.connect(made.dsn(), application_name="engagement-lanes"))
    try:
        lane = next((lane for lane in await operations.all_lanes(keeper) if lane.key == key), None)
        if lane is None:
            raise CommandFailedError(f"there is no lane {_name(key)}, or it was never read")
        async with log_offsets.connect(made) as logs:
            offset = await _offset(logs, key, target)
        say(_consequence(lane, offset))
        # Blocks the loop, on which nothing else runs.
        confirm(f"Put {_name(key)} at {offset}?", yes=yes)
        before = await operations.seek(keeper, lane, offset)
    finally:
        keeper.drop()
    if before is None:
        raise CommandFailedError(f"{_name(key)} changed hands meanwhile; nothing was done, try again")
    stood, stopped = before
    say(f"{_name(key)}: stands at {offset}, stood at {stood}")
    if stopped in operations.RESUMABLE:
        say(f"it still stands still, {stopped}: engagement lanes resume {key[0]} {key[1]}")


async def _offset(logs: LogOffsets, key: LaneKey, target: str | int) -> int:
    """Return the offset that a place means in this log."""
    bounds = (await logs.bounds([key])).get(key)
    if bounds is None:
        raise CommandFailedError(f"Kafka has no topic with such a partition: {_name(key)}")
    if target == "earliest":
        return bounds.first
    if target == "latest":
        return bounds.end
    if isinstance(target, int):
        if not bounds.first <= target <= bounds.end:
            log = f"the log of {_name(key)}, which goes from {bounds.first} to {bounds.end}"
            raise CommandFailedError(f"offset {target} is outside {log}")
        return target
    microseconds = timestamps.microseconds(target) or 0
    # The first record at or after it: a part of a millisecond counts as the next.
    found = await logs.offset_at(key, -(-microseconds // 1000))
    if found is None:
        say(f"no record of {_name(key)} is from {target} or later: its end is meant")
        return bounds.end
    return min(max(found, bounds.first), bounds.end)


def _consequence(lane: Lane, offset: int) -> str:
    """Say what becomes of the records between where the lane stands and where it goes."""
    stands = f"{_name(lane.key)} stands at {lane.next_offset}"
    distance = offset - lane.next_offset
    if lane.stopped in {"log_truncated", "topic_recreated"}:
        return f"{stands}, where its log does not fit it ({lane.stopped})"
    if distance > 0:
        return f"{stands}: {distance} offsets up to {offset} are skipped, their records are not processed"
    if distance < 0:
        effect = "what was applied has no effect twice, what is dead is kept once more"
        return f"{stands}: {-distance} offsets from {offset} on are read again; {effect}"
    return f"{stands} already"


def _name(key: LaneKey) -> str:
    return f"{key[0]}/{key[1]}"
