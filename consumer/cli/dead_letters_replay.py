"""`engagement dead-letters replay` and `discard`: the two ends of a dead letter."""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

from consumer.cli import FAILURE, SUCCESS, complain, say
from consumer.cli.arguments import Commands, command, positive
from consumer.cli.confirmation import add_yes, confirm
from consumer.infra import settings
from schemas.names import DeadLetterReason

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from consumer.infra.settings import Settings
    from consumer.ingest.dead_letters.browse import DeadLetterSelection
    from consumer.ingest.dead_letters.replay import Replayed

_BROKERS_UNNEEDED = frozenset({"kafka_bootstrap"})


def register(commands: Commands) -> None:
    """Add both to the commands of `engagement dead-letters`."""
    replayer = command(
        commands,
        "replay",
        "feed some again, after what was wrong is mended",
        "Processes the stored bytes as if they had just been read, with the record's own timestamp, and removes "
        "what is no longer dead in the same transaction. What is dead still, or has no effect as the catalog "
        "stands, stays. Ends with 1 if anything stays. Interrupted or run twice it does no harm.",
    )
    _add_selection(replayer)
    replayer.set_defaults(handler=_handle_replay)
    discarder = command(
        commands,
        "discard",
        "throw some away for good",
        "Throws dead letters away, bytes and all. One that was not yet told of on engagement.dead-letters will "
        "not be.",
    )
    _add_selection(discarder)
    add_yes(discarder)
    discarder.set_defaults(handler=_handle_discard)


def add_filters(parser: ArgumentParser) -> None:
    """Add what narrows dead letters down."""
    parser.add_argument("--account", metavar="ID", help="only those that name this account")
    parser.add_argument(
        "--reason", choices=[reason.value for reason in DeadLetterReason], help="only those dead for this"
    )
    parser.add_argument("--topic", metavar="NAME", help="only those from this topic (without the prefix)")


def _add_selection(parser: ArgumentParser) -> None:
    parser.add_argument("ids", nargs="*", type=positive, metavar="ID", help="their numbers in the list")
    add_filters(parser)
    parser.add_argument("--all", action="store_true", help="all of them")
    parser.set_defaults(wrong_usage=parser.error)


def _selection(arguments: Namespace) -> DeadLetterSelection:
    """Return what is meant; ends with wrong usage where that is nothing, or two things at once."""
    from consumer.ingest.dead_letters.browse import DeadLetterSelection  # noqa: PLC0415 - see the package's docstring

    filters = (arguments.account, arguments.reason, arguments.topic)
    said = [bool(arguments.ids), any(value is not None for value in filters), arguments.all]
    if said.count(True) != 1:
        arguments.wrong_usage("say which: by ID, or by --account, --reason and --topic, or --all")
    return DeadLetterSelection(tuple(sorted(set(arguments.ids))), *filters)


# replay ---------------------------------------------------------------------------------------------------


def _handle_replay(arguments: Namespace) -> int:
    selection = _selection(arguments)
    outcomes = asyncio.run(_replay(settings.load(unneeded=_BROKERS_UNNEEDED), selection))
    total = sum(outcomes.values())
    if not total:
        say("no dead letters")
        return SUCCESS
    left = outcomes["stays"]
    say(f"{total - left - outcomes['missing']} of {total} are dead letters no more")
    if left:
        complain(f"engagement dead-letters: {left} of {total} stay")
    if outcomes["missing"]:
        complain(f"engagement dead-letters: {outcomes['missing']} of {total} are not there")
    return FAILURE if left or outcomes["missing"] else SUCCESS


async def _replay(made: Settings, selection: DeadLetterSelection) -> Counter[str]:
    from consumer.infra import postgres  # noqa: PLC0415 - see the package's docstring
    from consumer.infra.telemetry.progress_bar import show_progress  # noqa: PLC0415 - the same
    from consumer.ingest.dead_letters.replay import Replay  # noqa: PLC0415 - the same

    replay = Replay(
        lambda: postgres.connect(made.dsn(), application_name="engagement-replay"),
        claim_window=made.claim_window,
    )
    outcomes: Counter[str] = Counter()
    try:
        with show_progress("dead letters replayed") as tell:
            async for some in replay.run(selection):
                for one in some:
                    say(_line(one))
                    outcomes["missing" if one.outcome is None else "stays" if one.stays else "ended"] += 1
                tell(sum(outcomes.values()))
    finally:
        replay.close()
    return outcomes


def _line(one: Replayed) -> str:
    from consumer.ingest.dead_letters.browse import printable  # noqa: PLC0415 - see the package's docstring

    if one.outcome is None:
        return f"{one.id}  is not there: replayed or discarded before"
    if one.fault is not None:
        return f"{one.id}  stays, dead still: {one.fault.reason}  {printable(one.fault.detail)}"
    return f"{one.id}  {'stays, ' if one.stays else ''}{one.outcome}"


# discard --------------------------------------------------------------------------------------------------


def _handle_discard(arguments: Namespace) -> int:
    selection = _selection(arguments)
    made = settings.load(unneeded=_BROKERS_UNNEEDED)
    gone = asyncio.run(_discard(made, selection, yes=arguments.yes))
    say(f"{gone} dead letters discarded" if gone else "no dead letters")
    return SUCCESS


async def _discard(made: Settings, selection: DeadLetterSelection, *, yes: bool) -> int:
    """Discard those that were there when it was asked for, some at a time."""
    from consumer.infra import postgres  # noqa: PLC0415 - see the package's docstring
    from consumer.infra.postgres.connection_keeper import ConnectionKeeper  # noqa: PLC0415 - the same
    from consumer.infra.postgres.retry import retry_transient  # noqa: PLC0415 - the same
    from consumer.infra.telemetry.progress_bar import show_progress  # noqa: PLC0415 - the same
    from consumer.ingest.dead_letters import browse  # noqa: PLC0415 - see the package's docstring

    keeper = ConnectionKeeper(lambda: postgres.connect(made.dsn(), application_name="engagement-discard"))
    gone = last = 0
    try:
        number, newest = await retry_transient(keeper, lambda connection: browse.count(connection, selection))
        if number:
            confirm(f"Discard {number} dead letters for good?", yes=yes)
        with show_progress("dead letters discarded", number) as tell:
            pick = partial(browse.pick, selection=selection, newest=newest)
            while ids := await retry_transient(keeper, partial(pick, after=last)):
                last = ids[-1]
                gone += await retry_transient(keeper, partial(browse.discard, ids=ids))
                tell(gone)
    finally:
        keeper.drop()
    return gone
