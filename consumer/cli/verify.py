"""`engagement verify`: recomputes everything from the stored timeline and compares."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from consumer.cli import FAILURE, SUCCESS, print_error, print_line
from consumer.infra.settings import load_settings
from consumer.infra.telemetry.progress_bar import show_progress
from consumer.scoring.verify import verify

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments and handler."""
    parser.description = (
        "Recomputes verdicts, tallies, scores and messages from the stored timeline and compares them "
        "with what is stored, in one snapshot; workers may run. Prints each difference and ends with 1 if "
        "there is any."
    )
    parser.add_argument("--account", metavar="ID", help="one account only")
    parser.set_defaults(handler=_handle)


def _handle(arguments: Namespace) -> int:
    dsn = load_settings(kafka=False).dsn()
    with show_progress("entries verified") as show:
        report = asyncio.run(
            verify(dsn, account=arguments.account, progress=lambda so_far: show(so_far.entries))
        )
    for difference in report.differences:
        print_line(difference)
    print_line(f"{report.entries} entries of {report.contacts} contacts verified")
    if report.differences:
        print_error(f"engagement verify: {len(report.differences)} differences")
        return FAILURE
    return SUCCESS
