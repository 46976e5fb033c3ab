"""`engagement lanes`: where each lane stands, why it stopped, and the way out."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from consumer.cli import FAILURE, SUCCESS, CommandFailedError, complain, lanes_seek, say
from consumer.cli.arguments import Commands, command, partition
from consumer.infra import settings
from schemas.names import LaneStop

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import AsyncIterator

    from consumer.infra.postgres.connection_keeper import ConnectionKeeper
    from consumer.infra.settings import Settings
    from consumer.lanes.operations import LaneStatus
    from consumer.lanes.positions import Lane, LaneKey

_TITLES = ("lane", "epoch", "next offset", "end of log", "lag", "state")
_BROKERS_UNNEEDED = frozenset({"kafka_bootstrap"})


def register(commands: Commands) -> None:
    """Add the command and its own commands."""
    group = command(commands, "lanes", "see where lanes stand, pause, resume and move them")
    own = group.add_subparsers(title="commands", dest="subcommand", metavar="COMMAND", required=True)
    lister = command(
        own,
        "list",
        "list every lane",
        "Lists every lane with its position, the end of its log if brokers answer, how far it is behind (in "
        "offsets: at most so many records) and, if it stopped, why and the way out.",
    )
    lister.add_argument("--json", action="store_true", help="one JSON object a line")
    lister.set_defaults(handler=_handle_list)
    pauser = command(
        own,
        "pause",
        "let lanes stand still until they are resumed",
        "Lets lanes stand still until they are resumed. From when it returns on nothing of them is processed.",
    )
    _add_lanes(pauser)
    pauser.set_defaults(handler=_handle_pause)
    resumer = command(
        own,
        "resume",
        "let stopped lanes go on",
        "Lets lanes go on that are paused, or stopped for their dead records, which are counted anew. A lane "
        "whose log does not fit it needs `lanes seek`.",
    )
    _add_lanes(resumer)
    resumer.add_argument(
        "--reason", choices=[reason.value for reason in LaneStop], help="only those stopped for this"
    )
    resumer.set_defaults(handler=_handle_resume)
    lanes_seek.register(own)


def _add_lanes(parser: ArgumentParser) -> None:
    parser.add_argument("topic", nargs="?", metavar="TOPIC", help="the lane's topic, without the prefix")
    parser.add_argument("partition", nargs="?", type=partition, metavar="PARTITION", help="its partition")
    parser.add_argument("--all", action="store_true", help="every lane")
    parser.set_defaults(wrong_usage=parser.error)


# list -----------------------------------------------------------------------------------------------------


def _handle_list(arguments: Namespace) -> int:
    found, silent = asyncio.run(_statuses(settings.load(unneeded=_BROKERS_UNNEEDED)))
    if arguments.json:
        for status in found:
            say(json.dumps(_fields(status)))
    else:
        for line in _table(found):
            say(line)
    if silent:
        complain(f"engagement lanes: ends of logs are unknown, brokers do not answer: {silent}")
    return SUCCESS


async def _statuses(made: Settings) -> tuple[list[LaneStatus], str | None]:
    """Return the lanes beside their logs, and what is wrong with the brokers, if anything."""
    from aiokafka.errors import KafkaError  # noqa: PLC0415 - see the package's docstring

    from consumer.lanes import log_offsets, operations  # noqa: PLC0415 - the same

    async with _keeper(made) as keeper:
        rows = await operations.all_lanes(keeper)
    try:
        async with log_offsets.connect(made) as logs:
            bounds = await logs.bounds({*logs.existing_lanes(), *(lane.key for lane in rows)})
    except (KafkaError, OSError, TimeoutError) as error:
        line = " ".join(str(error).split()) or type(error).__name__
        return operations.lane_statuses(rows, {}), line[:200]
    return operations.lane_statuses(rows, bounds), None


def _fields(status: LaneStatus) -> dict[str, Any]:
    from consumer.lanes.operations import explain_stop, suggest_command  # noqa: PLC0415 - see the package's docstring

    lane, bounds = status.lane, status.bounds
    stopped = lane.stopped if lane else None
    return {
        "topic": status.key[0],
        "partition": status.key[1],
        "epoch": lane.epoch if lane else None,
        "next_offset": lane.next_offset if lane else None,
        "first_offset": bounds.first if bounds else None,
        "end_offset": bounds.end if bounds else None,
        "lag": status.lag,
        "stopped": stopped,
        "why": explain_stop(stopped) if stopped else None,
        "way_out": suggest_command(lane) if lane and stopped else None,
    }


def _table(found: list[LaneStatus]) -> list[str]:
    if not found:
        return ["no lanes"]
    rows = [_TITLES, *(_row(_fields(status)) for status in found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_TITLES) - 1)]
    return ["  ".join([*map(str.ljust, row, widths), row[-1]]).rstrip() for row in rows]


def _row(fields: dict[str, Any]) -> tuple[str, ...]:
    numbers = (fields["epoch"], fields["next_offset"], fields["end_offset"], fields["lag"])
    if fields["stopped"]:
        state = f"stopped, {fields['stopped']}: {fields['why']}. Way out: {fields['way_out']}"
    else:
        state = "never read" if fields["epoch"] is None else "open"
    shown = ("-" if number is None else str(number) for number in numbers)
    return (f"{fields['topic']}/{fields['partition']}", *shown, state)


# pause and resume -----------------------------------------------------------------------------------------


def _handle_pause(arguments: Namespace) -> int:
    return asyncio.run(_pause(_named(arguments), settings.load(unneeded=_BROKERS_UNNEEDED)))


async def _pause(named: LaneKey | None, made: Settings) -> int:
    from consumer.lanes import operations  # noqa: PLC0415 - see the package's docstring

    async with _keeper(made) as keeper:
        for lane in await _meant(keeper, named):
            before = await operations.pause(keeper, lane.key)
            say(f"{_name(lane)}: " + (f"stood still already: {before}" if before else "paused"))
    return SUCCESS


def _handle_resume(arguments: Namespace) -> int:
    reason = LaneStop(arguments.reason) if arguments.reason else None
    return asyncio.run(_resume(_named(arguments), reason, settings.load(unneeded=_BROKERS_UNNEEDED)))


async def _resume(named: LaneKey | None, reason: LaneStop | None, made: Settings) -> int:
    from consumer.lanes import operations  # noqa: PLC0415 - see the package's docstring

    left = 0
    async with _keeper(made) as keeper:
        for lane in await _meant(keeper, named):
            reasons = [reason] if reason else operations.RESUMABLE
            stopped = await operations.resume(keeper, lane.key, reasons)
            if stopped is None:
                if named:
                    say(f"{_name(lane)}: did not stand still")
            elif reason not in {None, stopped}:
                if named:
                    say(f"{_name(lane)}: left as it is, {stopped}")
            elif stopped in operations.RESUMABLE:
                say(f"{_name(lane)}: goes on from {lane.next_offset}, was {stopped}")
            else:
                left += 1
                complain(
                    f"engagement lanes: {_name(lane)} cannot be resumed, {operations.explain_stop(stopped)}; "
                    f"use `{operations.suggest_command(lane)}`"
                )
    return FAILURE if left else SUCCESS


def _named(arguments: Namespace) -> LaneKey | None:
    """Return the lane that was named, None for all; ends with wrong usage where neither or both were said."""
    one = arguments.topic is not None and arguments.partition is not None
    if arguments.all == one or (arguments.topic is not None) != one:
        arguments.wrong_usage("name a lane by TOPIC and PARTITION, or say --all")
    return (arguments.topic, arguments.partition) if one else None


async def _meant(keeper: ConnectionKeeper, named: LaneKey | None) -> list[Lane]:
    from consumer.lanes import operations  # noqa: PLC0415 - see the package's docstring

    rows = await operations.all_lanes(keeper)
    meant = [lane for lane in rows if named in {None, lane.key}]
    if named and not meant:
        raise CommandFailedError(f"there is no lane {named[0]}/{named[1]}, or it was never read")
    return meant


def _name(lane: Lane) -> str:
    return f"{lane.topic}/{lane.partition}"


@asynccontextmanager
async def _keeper(made: Settings) -> AsyncIterator[ConnectionKeeper]:
    from consumer.infra import postgres  # noqa: PLC0415 - see the package's docstring
    from consumer.infra.postgres.connection_keeper import ConnectionKeeper  # noqa: PLC0415 - the same

    keeper = ConnectionKeeper(lambda: postgres.connect(made.dsn(), application_name="engagement-lanes"))
    try:
        yield keeper
    finally:
        keeper.drop()
