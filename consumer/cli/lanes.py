"""`engagement lanes`: shows where each lane is and why it stopped; pauses and resumes lanes."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aiokafka.errors import KafkaError

from consumer.cli import FAILURE, SUCCESS, CommandFailedError, lanes_seek, print_error, print_line
from consumer.cli.arguments import add_subcommand, add_subcommands, partition
from consumer.infra import postgres
from consumer.infra.postgres.connection_keeper import ConnectionKeeper
from consumer.infra.settings import load_settings
from consumer.lanes import log_offsets, operations
from schemas.vocabulary import LaneStop

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import AsyncIterator

    from consumer.infra.settings import Settings
    from consumer.lanes.operations import LaneStatus
    from consumer.lanes.positions import Lane, LaneKey

_TITLES = ("lane", "epoch", "next offset", "end of log", "lag", "state")


def configure(parser: ArgumentParser) -> None:
    """Add the sub-commands."""
    subcommands = add_subcommands(parser)
    list_parser = add_subcommand(
        subcommands,
        "list",
        "list every lane",
        "Lists every lane with its position, the end of its log (if brokers answer), its lag and, if it "
        "is stopped, the reason and the command that resolves it. Lag counts records; where many wait, and "
        "from a producer's open transaction on, it counts offsets, so records are at most as many.",
    )
    list_parser.add_argument("--json", action="store_true", help="print one JSON object per line")
    list_parser.set_defaults(handler=_handle_list)
    pause_parser = add_subcommand(
        subcommands,
        "pause",
        "stop lanes until they are resumed",
        "Stops lanes until they are resumed. Once it returns, none of their records is processed.",
    )
    _add_lanes(pause_parser)
    pause_parser.set_defaults(handler=_handle_pause)
    resume_parser = add_subcommand(
        subcommands,
        "resume",
        "resume stopped lanes",
        "Resumes lanes that are paused or stopped for dead records; dead records are then counted from "
        "zero. A lane whose position does not fit its log needs `lanes seek`.",
    )
    _add_lanes(resume_parser)
    resume_parser.add_argument(
        "--reason", choices=[reason.value for reason in LaneStop], help="only those stopped for this reason"
    )
    resume_parser.set_defaults(handler=_handle_resume)
    lanes_seek.add_to(subcommands)


def _add_lanes(parser: ArgumentParser) -> None:
    parser.add_argument("topic", nargs="?", metavar="TOPIC", help="the lane's topic, without the prefix")
    parser.add_argument("partition", nargs="?", type=partition, metavar="PARTITION", help="its partition")
    parser.add_argument("--all", action="store_true", help="every lane")
    parser.set_defaults(wrong_usage=parser.error)


# list -----------------------------------------------------------------------------------------------------


def _handle_list(arguments: Namespace) -> int:
    statuses, kafka_error = asyncio.run(_statuses(load_settings(kafka=False)))
    if arguments.json:
        for status in statuses:
            print_line(json.dumps(_fields(status)))
    else:
        for line in _table(statuses):
            print_line(line)
    if kafka_error:
        print_error(f"engagement lanes: log ends and lag are unknown, brokers do not answer: {kafka_error}")
    return SUCCESS


async def _statuses(settings: Settings) -> tuple[list[LaneStatus], str | None]:
    """Return each lane with the bounds of its log; and the error if the brokers do not answer."""
    async with _keeper(settings) as keeper:
        rows = await operations.all_lanes(keeper)
    try:
        async with log_offsets.connect(settings) as logs:
            bounds = await logs.bounds({*logs.existing_lanes(), *(lane.key for lane in rows)})
            bounds = await logs.with_pending(bounds, {lane.key: lane.next_offset for lane in rows})
    except (KafkaError, OSError, TimeoutError) as error:
        line = " ".join(str(error).split()) or type(error).__name__
        return operations.lane_statuses(rows, {}), line[:200]
    return operations.lane_statuses(rows, bounds), None


def _fields(status: LaneStatus) -> dict[str, Any]:
    lane, bounds = status.lane, status.bounds
    stopped = lane.stopped if lane else None
    return {
        "topic": status.key[0],
        "partition": status.key[1],
        "epoch": lane.epoch if lane else None,
        "next_offset": lane.next_offset if lane else None,
        "first_offset": bounds.first if bounds else None,
        "end_offset": bounds.end if bounds else None,
        "high_watermark": bounds.high_watermark if bounds else None,
        "held_back": status.held_back if bounds else None,
        "held_back_since": _time(bounds.held_back_since) if bounds else None,
        "lag": status.lag,
        "stopped": stopped,
        "why": operations.explain_stop(stopped) if stopped else None,
        "way_out": operations.suggest_command(lane) if lane and stopped else None,
    }


def _table(statuses: list[LaneStatus]) -> list[str]:
    if not statuses:
        return ["no lanes"]
    rows = [_TITLES, *(_row(_fields(status)) for status in statuses)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_TITLES) - 1)]
    return ["  ".join([*map(str.ljust, row, widths), row[-1]]).rstrip() for row in rows]


def _row(fields: dict[str, Any]) -> tuple[str, ...]:
    numbers = (fields["epoch"], fields["next_offset"], fields["end_offset"], fields["lag"])
    if fields["stopped"]:
        state = f"stopped, {fields['stopped']}: {fields['why']}. Run: {fields['way_out']}"
    else:
        state = "never read" if fields["epoch"] is None else "open"
    if fields["held_back"]:
        since = fields["held_back_since"] or "an unknown time"
        state += f"; {fields['held_back']} offsets wait for a producer's open transaction since {since}"
    shown = ("-" if number is None else str(number) for number in numbers)
    return (f"{fields['topic']}/{fields['partition']}", *shown, state)


def _time(timestamp: int | None) -> str | None:
    if timestamp is None:
        return None
    return datetime.fromtimestamp(timestamp // 1000, UTC).isoformat().replace("+00:00", "Z")


# pause and resume -----------------------------------------------------------------------------------------


def _handle_pause(arguments: Namespace) -> int:
    return asyncio.run(_pause(_lane_key(arguments), load_settings(kafka=False)))


async def _pause(key: LaneKey | None, settings: Settings) -> int:
    async with _keeper(settings) as keeper:
        for lane in await _selected(keeper, key):
            before = await operations.pause(keeper, lane.key)
            print_line(f"{_name(lane)}: " + (f"already stopped: {before}" if before else "paused"))
    return SUCCESS


def _handle_resume(arguments: Namespace) -> int:
    reason = LaneStop(arguments.reason) if arguments.reason else None
    return asyncio.run(_resume(_lane_key(arguments), reason, load_settings(kafka=False)))


async def _resume(key: LaneKey | None, reason: LaneStop | None, settings: Settings) -> int:
    unresumable = 0
    async with _keeper(settings) as keeper:
        for lane in await _selected(keeper, key):
            reasons = [reason] if reason else operations.RESUMABLE
            stopped = await operations.resume(keeper, lane.key, reasons)
            if stopped is None:
                if key:
                    print_line(f"{_name(lane)}: is not stopped")
            elif reason not in {None, stopped}:
                if key:
                    print_line(f"{_name(lane)}: still stopped: {stopped}")
            elif stopped in operations.RESUMABLE:
                print_line(f"{_name(lane)}: resumed from {lane.next_offset}, was {stopped}")
            else:
                unresumable += 1
                print_error(
                    f"engagement lanes: {_name(lane)} cannot be resumed, {operations.explain_stop(stopped)}; "
                    f"use `{operations.suggest_command(lane)}`"
                )
    return FAILURE if unresumable else SUCCESS


def _lane_key(arguments: Namespace) -> LaneKey | None:
    """Return the lane given, None for --all; exit with wrong usage if neither or both are given."""
    one = arguments.topic is not None and arguments.partition is not None
    if arguments.all == one or (arguments.topic is not None) != one:
        arguments.wrong_usage("name a lane by TOPIC and PARTITION, or use --all")
    return (arguments.topic, arguments.partition) if one else None


async def _selected(keeper: ConnectionKeeper, key: LaneKey | None) -> list[Lane]:
    rows = await operations.all_lanes(keeper)
    selected = [lane for lane in rows if key in {None, lane.key}]
    if key and not selected:
        raise CommandFailedError(f"there is no lane {key[0]}/{key[1]}, or it was never read")
    return selected


def _name(lane: Lane) -> str:
    return f"{lane.topic}/{lane.partition}"


@asynccontextmanager
async def _keeper(settings: Settings) -> AsyncIterator[ConnectionKeeper]:
    keeper = ConnectionKeeper(lambda: postgres.connect(settings.dsn(), application_name="engagement-lanes"))
    try:
        yield keeper
    finally:
        keeper.drop()
