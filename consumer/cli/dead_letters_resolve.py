"""`engagement dead-letters replay` and `discard`: the two ways to resolve a dead letter."""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

from consumer.cli import FAILURE, SUCCESS, print_error, print_line
from consumer.cli.arguments import Subcommands, add_subcommand, positive
from consumer.cli.confirmation import add_yes, confirm
from consumer.infra import postgres
from consumer.infra.postgres.connection_keeper import ConnectionKeeper
from consumer.infra.postgres.retry import retry_transient
from consumer.infra.settings import load_settings
from consumer.infra.telemetry.progress_bar import show_progress
from consumer.ingest.dead_letters import browse
from consumer.ingest.dead_letters.browse import DeadLetterSelection, printable
from consumer.ingest.dead_letters.replay import Replay
from schemas.vocabulary import DeadLetterReason

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from consumer.infra.settings import Settings
    from consumer.ingest.dead_letters.replay import Replayed


def add_to(subcommands: Subcommands) -> None:
    """Add both to the sub-commands of `engagement dead-letters`."""
    replay_parser = add_subcommand(
        subcommands,
        "replay",
        "process dead letters again, once the cause is fixed",
        "Processes the stored bytes as if they had just been read, with the record's own timestamp, and "
        "deletes in the same transaction each dead letter that is resolved. One that is still dead, or "
        "has no effect under the current catalog, remains. Ends with 1 if any remains. May be interrupted "
        "and run again.",
    )
    _add_selection(replay_parser)
    replay_parser.set_defaults(handler=_handle_replay)
    discard_parser = add_subcommand(
        subcommands,
        "discard",
        "delete dead letters for good",
        "Deletes dead letters with their bytes. One that is not yet published on engagement.dead-letters "
        "is never published.",
    )
    _add_selection(discard_parser)
    add_yes(discard_parser)
    discard_parser.set_defaults(handler=_handle_discard)


def add_filters(parser: ArgumentParser) -> None:
    """Add the options that filter dead letters."""
    parser.add_argument("--account", metavar="ID", help="only those that name this account")
    parser.add_argument(
        "--reason", choices=[reason.value for reason in DeadLetterReason], help="only those with this reason"
    )
    parser.add_argument("--topic", metavar="NAME", help="only those of this topic (without the prefix)")


def _add_selection(parser: ArgumentParser) -> None:
    parser.add_argument("ids", nargs="*", type=positive, metavar="ID", help="numbers in the list")
    add_filters(parser)
    parser.add_argument("--all", action="store_true", help="all dead letters")
    parser.set_defaults(wrong_usage=parser.error)


def _selection(arguments: Namespace) -> DeadLetterSelection:
    """Return the selection; exit with wrong usage unless exactly one of IDs, filters and --all is given."""
    filters = (arguments.account, arguments.reason, arguments.topic)
    given = [bool(arguments.ids), any(value is not None for value in filters), arguments.all]
    if given.count(True) != 1:
        arguments.wrong_usage("choose dead letters by ID, or by --account, --reason and --topic, or --all")
    return DeadLetterSelection(tuple(sorted(set(arguments.ids))), *filters)


# replay ---------------------------------------------------------------------------------------------------


def _handle_replay(arguments: Namespace) -> int:
    selection = _selection(arguments)
    outcomes = asyncio.run(_replay(load_settings(kafka=False), selection))
    total = sum(outcomes.values())
    if not total:
        print_line("no dead letters")
        return SUCCESS
    print_line(f"{outcomes['resolved']} of {total} dead letters resolved")
    if outcomes["remains"]:
        print_error(f"engagement dead-letters: {outcomes['remains']} of {total} remain")
    if outcomes["missing"]:
        print_error(f"engagement dead-letters: {outcomes['missing']} of {total} not found")
    return FAILURE if outcomes["remains"] or outcomes["missing"] else SUCCESS


async def _replay(settings: Settings, selection: DeadLetterSelection) -> Counter[str]:
    replay = Replay(
        lambda: postgres.connect(settings.dsn(), application_name="engagement-replay"),
        claim_window=settings.claim_window,
    )
    outcomes: Counter[str] = Counter()
    try:
        with show_progress("dead letters replayed") as report:
            async for chunk in replay.run(selection):
                for one in chunk:
                    print_line(_describe(one))
                    outcomes[
                        "missing" if one.outcome is None else "remains" if one.stays else "resolved"
                    ] += 1
                report(sum(outcomes.values()))
    finally:
        replay.close()
    return outcomes


def _describe(one: Replayed) -> str:
    if one.outcome is None:
        return f"{one.id}  not found: replayed or discarded already"
    if one.fault is not None:
        return f"{one.id}  remains, still dead: {one.fault.reason}  {printable(one.fault.detail)}"
    return f"{one.id}  {'remains: ' if one.stays else ''}{one.outcome}"


# discard --------------------------------------------------------------------------------------------------


def _handle_discard(arguments: Namespace) -> int:
    selection = _selection(arguments)
    discarded = asyncio.run(_discard(load_settings(kafka=False), selection, yes=arguments.yes))
    print_line(f"{discarded} dead letters discarded" if discarded else "no dead letters")
    return SUCCESS


async def _discard(settings: Settings, selection: DeadLetterSelection, *, yes: bool) -> int:
    """Discard in chunks, none that is newer than the question; return how many were discarded."""
    keeper = ConnectionKeeper(lambda: postgres.connect(settings.dsn(), application_name="engagement-discard"))
    discarded = last = 0
    try:
        number, newest = await retry_transient(keeper, lambda connection: browse.count(connection, selection))
        if number:
            confirm(f"Discard {number} dead letters for good?", yes=yes)
        with show_progress("dead letters discarded", number) as report:
            pick = partial(browse.pick, selection=selection, newest=newest)
            while ids := await retry_transient(keeper, partial(pick, after=last)):
                last = ids[-1]
                discarded += await retry_transient(keeper, partial(browse.discard, ids=ids))
                report(discarded)
    finally:
        keeper.drop()
    return discarded
