"""`engagement backfill`: brings events beside the lanes, history from elsewhere or from the input topics again."""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING

from consumer.cli import FAILURE, SUCCESS, CommandFailedError, print_error, print_line
from consumer.cli.arguments import seconds
from consumer.infra import postgres
from consumer.infra.clock import SystemClock
from consumer.infra.postgres.connection_keeper import ConnectionKeeper
from consumer.infra.postgres.retry import retry_transient
from consumer.infra.settings import load_settings
from consumer.infra.telemetry.progress_bar import show_progress
from consumer.ingest.backfill.from_files import FaultyLine, read_files
from consumer.ingest.backfill.from_topics import find_past_records, read_topics
from consumer.ingest.backfill.read_lines import UnreadableFileError
from consumer.ingest.backfill.run import PAUSE, Backfill, BackfillReport
from consumer.ingest.backfill.sorted_events import SortedEvents
from consumer.ingest.dead_letters.browse import printable
from consumer.scoring import announce
from consumer.scoring.find_account import find_account
from schemas import timestamps
from schemas.vocabulary import Outcome

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Sequence

    from consumer.infra.settings import Settings

# More faulty lines are only counted.
_SHOWN_FAULTS = 100


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments and handler."""
    parser.description = (
        "Brings events of files: JSON Lines, compressed by gzip or not, each line a CloudEvent with its "
        "`time`, of any account. Or, with --from-topics, events of one account that workers have processed "
        "already: those that no definition took then are judged by the catalog of now. First all are read, then "
        "they are applied, contact by contact, beside running workers. Old events are judged at their place in "
        "time. May be interrupted and run again: what is applied already is a duplicate. Lines that are no "
        "events are reported with their number and left out; then it ends with 1."
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="a file; - for standard input")
    parser.add_argument("--from-topics", action="store_true", help="read the input topics again")
    parser.add_argument("--account", metavar="ID", help="with --from-topics: the account")
    parser.add_argument(
        "--types", type=_types, metavar="TYPE,…", help="with --from-topics: only events of these types"
    )
    parser.add_argument(
        "--since",
        type=_since,
        metavar="AGE",
        help="with --from-topics: how old the first records are, such as 30d, or a time like 2026-03-02T10:00:00Z",
    )
    parser.add_argument("--no-xp", action="store_true", help="reps earn no XP by these events")
    parser.add_argument(
        "--no-pause",
        action="store_true",
        help="apply without pauses between batches: faster, where no workers have to keep up",
    )
    parser.add_argument("--dry-run", action="store_true", help="only read, and check the lines")
    parser.set_defaults(handler=_handle, wrong_usage=parser.error)


def _types(text: str) -> frozenset[str]:
    """Parse event types, separated by commas."""
    types = frozenset(text.split(","))
    if "" in types:
        raise argparse.ArgumentTypeError(f"must be event types separated by commas, not {text!r}")
    return types


def _since(text: str) -> int:
    """Parse an age or a time into an instant, in milliseconds since 1970."""
    instant = timestamps.microseconds(text)
    if instant is None:
        instant = timestamps.to_microseconds(SystemClock().now()) - int(seconds(text) * 1_000_000)
    return max(0, instant // 1000)


def _handle(arguments: Namespace) -> int:
    if arguments.from_topics == bool(arguments.files):
        arguments.wrong_usage("name files, or --from-topics")
    if arguments.from_topics and not (arguments.account and arguments.since is not None):
        arguments.wrong_usage("--from-topics needs --account and --since")
    if not arguments.from_topics and (arguments.account, arguments.types, arguments.since) != (
        None,
        None,
        None,
    ):
        arguments.wrong_usage("--account, --types and --since belong to --from-topics")
    return asyncio.run(_backfill(load_settings(kafka=arguments.from_topics), arguments))


async def _connect(settings: Settings) -> postgres.Connection:
    return await postgres.connect(settings.dsn(), application_name="engagement-backfill")


async def _backfill(settings: Settings, arguments: Namespace) -> int:
    with ConnectionKeeper(lambda: _connect(settings)) as keeper, SortedEvents() as events:
        # Reading may take long: first see whether the rest can work.
        await retry_transient(keeper, announce.has_room)
        faults = 0
        if arguments.from_topics:
            await _read_topics(settings, keeper, arguments, events)
        else:
            faults = _read_files(arguments.files, events)
        if arguments.dry_run:
            print_line(f"{len(events)} events")
            return FAILURE if faults else SUCCESS
        report = await _apply(settings, keeper, events, arguments)
    _print_report(report)
    return FAILURE if faults or report.refused else SUCCESS


def _read_files(files: Sequence[str], events: SortedEvents) -> int:
    """Read the events of the files, and return the number of lines that are none."""
    faults = _Faults()
    with show_progress("lines read") as progress:
        try:
            read_files(files, events, SystemClock(), faulty=faults.add, progress=progress)
        except UnreadableFileError as error:
            raise CommandFailedError(str(error)) from error
    faults.finish()
    return faults.count


async def _read_topics(
    settings: Settings, keeper: ConnectionKeeper, arguments: Namespace, events: SortedEvents
) -> None:
    await retry_transient(keeper, lambda connection: find_account(connection, arguments.account))
    past = await find_past_records(settings, keeper, arguments.since)
    if past.reaches_back is None:
        print_error("Kafka has all records since the topics were created")
    else:
        back = timestamps.rfc3339_of(past.reaches_back * 1000)
        late = past.reaches_back > arguments.since
        print_error(f"Kafka has all records since {back}" + (": older ones are missing" if late else ""))
    types = arguments.types or frozenset()
    with show_progress("records read", past.offsets) as progress:
        await read_topics(settings, past, events, account=arguments.account, types=types, progress=progress)


class _Faults:
    """Prints lines that are no events, the first ones."""

    def __init__(self) -> None:
        self.count = 0

    def add(self, line: FaultyLine) -> None:
        self.count += 1
        if self.count <= _SHOWN_FAULTS:
            detail = printable(line.fault.detail)
            print_error(f"{line.file}:{line.number}: {line.fault.reason}  {detail}")

    def finish(self) -> None:
        if self.count > _SHOWN_FAULTS:
            print_error(f"… and {self.count - _SHOWN_FAULTS} more")
        if self.count:
            print_error(f"engagement backfill: {self.count} lines are no events")


async def _apply(
    settings: Settings, keeper: ConnectionKeeper, events: SortedEvents, arguments: Namespace
) -> BackfillReport:
    report = BackfillReport()
    backfill = Backfill(
        lambda: _connect(settings),
        claim_window=settings.claim_window,
        with_xp=not arguments.no_xp,
        pause=0 if arguments.no_pause else PAUSE,
        ready=lambda: announce.wait_for_relay(keeper, SystemClock()),
    )
    try:
        with show_progress("events applied", len(events)) as progress:
            async for report in backfill.run(events):
                progress(report.events)
    except BaseException:
        print_error(f"engagement backfill: {report.events} of {len(events)} events were taken; run it again")
        raise
    finally:
        backfill.close()
    return report


def _print_report(report: BackfillReport) -> None:
    for one in report.refused:
        if one.fault is not None:
            place = f"{one.record.topic}:{one.record.offset}"
            print_error(f"{place}: {one.fault.reason}  {printable(one.fault.detail)}")
    if not report.events:
        print_line("no events")
    for outcome in Outcome:
        if number := report.outcomes[outcome]:
            print_line(f"{outcome:16}{number:>12}")
        if outcome is Outcome.UNMATCHED:
            for kind, number in report.unmatched.most_common():
                print_line(f"  {kind}: {number}")
