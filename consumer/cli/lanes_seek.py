"""`engagement lanes seek`: moves a lane to another position in its log."""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING

from consumer.cli import SUCCESS, CommandFailedError, print_line
from consumer.cli.arguments import Subcommands, add_subcommand, partition
from consumer.cli.confirmation import add_yes, confirm
from consumer.infra import postgres
from consumer.infra.postgres.connection_keeper import ConnectionKeeper
from consumer.infra.settings import load_settings
from consumer.lanes import log_offsets, operations
from schemas import timestamps

if TYPE_CHECKING:
    from argparse import Namespace

    from consumer.infra.settings import Settings
    from consumer.lanes.log_offsets import LogOffsets
    from consumer.lanes.positions import Lane, LaneKey

_FORMS = "an offset, 'earliest', 'latest' or a time like 2026-03-02T10:00:00Z"


def add_to(subcommands: Subcommands) -> None:
    """Add it to the sub-commands of `engagement lanes`."""
    added = add_subcommand(
        subcommands,
        "seek",
        "move a lane to another position in its log",
        "Moves a lane to another position in its log, after printing which offsets are skipped or read "
        "again. Events that are already applied have no effect when they are read again. A worker that "
        "reads the lane continues at the new position; a lane that stopped because its position did not "
        "fit its log is resumed.",
    )
    added.add_argument("topic", metavar="TOPIC", help="the lane's topic, without the prefix")
    added.add_argument("partition", type=partition, metavar="PARTITION", help="its partition")
    added.add_argument("--to", type=_target, required=True, metavar="POSITION", help=_FORMS)
    add_yes(added)
    added.set_defaults(handler=_handle)


def _target(text: str) -> str | int:
    """Parse a position into 'earliest' or 'latest', an offset as int, or a time as it was written."""
    if text in {"earliest", "latest"}:
        return text
    if text.isascii() and text.isdigit():
        return int(text)
    if (timestamps.microseconds(text) or -1) < 0:
        raise argparse.ArgumentTypeError(f"must be {_FORMS}, not {text!r}")
    return text


def _handle(arguments: Namespace) -> int:
    key = (arguments.topic, arguments.partition)
    asyncio.run(_seek(load_settings(), key, arguments.to, yes=arguments.yes))
    return SUCCESS


async def _seek(settings: Settings, key: LaneKey, target: str | int, *, yes: bool) -> None:
    keeper = ConnectionKeeper(lambda: postgres.connect(settings.dsn(), application_name="engagement-lanes"))
    try:
        lane = next((lane for lane in await operations.all_lanes(keeper) if lane.key == key), None)
        if lane is None:
            raise CommandFailedError(f"there is no lane {_name(key)}, or it was never read")
        async with log_offsets.connect(settings) as logs:
            offset = await _offset(logs, key, target)
        print_line(_consequence(lane, offset))
        # Blocks the loop, on which nothing else runs.
        confirm(f"Move {_name(key)} to {offset}?", yes=yes)
        before = await operations.seek(keeper, lane, offset)
    finally:
        keeper.drop()
    if before is None:
        raise CommandFailedError(
            f"another pipeline took {_name(key)} over meanwhile; nothing was done, try again"
        )
    previous, stopped = before
    print_line(f"{_name(key)}: moved from {previous} to {offset}")
    if stopped in operations.RESUMABLE:
        print_line(f"it is still stopped, {stopped}: engagement lanes resume {key[0]} {key[1]}")


async def _offset(logs: LogOffsets, key: LaneKey, target: str | int) -> int:
    """Return the offset of a position in this log."""
    bounds = (await logs.bounds([key])).get(key)
    if bounds is None:
        raise CommandFailedError(f"Kafka has no such partition: {_name(key)}")
    if target == "earliest":
        return bounds.first
    if target == "latest":
        return bounds.end
    if isinstance(target, int):
        if not bounds.first <= target <= bounds.end:
            log = f"the log of {_name(key)}, which begins at {bounds.first} and ends at {bounds.end}"
            raise CommandFailedError(f"offset {target} is outside {log}")
        return target
    microseconds = timestamps.microseconds(target) or 0
    # Kafka's timestamps are milliseconds: round up, for the first record at or after the time.
    found = await logs.offset_at(key, -(-microseconds // 1000))
    if found is None:
        print_line(f"{_name(key)} has no record at or after {target}: moving to its end")
        return bounds.end
    return min(max(found, bounds.first), bounds.end)


def _consequence(lane: Lane, offset: int) -> str:
    """Describe what happens to the records between the lane's position and the new one."""
    position = f"{_name(lane.key)} is at {lane.next_offset}"
    distance = offset - lane.next_offset
    if lane.stopped in {"log_truncated", "topic_recreated"}:
        return f"{position}, which does not fit its log ({lane.stopped})"
    if distance > 0:
        return f"{position}: {distance} offsets before {offset} are skipped, their records are not processed"
    if distance < 0:
        effect = "applied events have no effect again, dead records are stored as dead letters again"
        return f"{position}: {-distance} offsets from {offset} on are read again; {effect}"
    return f"{position} already"


def _name(key: LaneKey) -> str:
    return f"{key[0]}/{key[1]}"
