"""`engagement verify`: judges the stored timeline again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from consumer.cli import FAILURE, SUCCESS, complain, say
from consumer.cli.arguments import Commands, command
from consumer.infra import settings

if TYPE_CHECKING:
    from argparse import Namespace


def register(commands: Commands) -> None:
    """Add the command."""
    added = command(
        commands,
        "verify",
        "judge the stored timeline again and compare",
        "Judges every stored entry again from scratch and compares verdicts, tallies, scores and messages "
        "with what is stored, in one snapshot, beside running workers. Prints what differs; ends with 1 if "
        "anything does.",
    )
    added.add_argument("--account", metavar="ID", help="one account only")
    added.set_defaults(handler=_handle)


def _handle(arguments: Namespace) -> int:
    from consumer.infra.telemetry.progress_bar import show_progress  # noqa: PLC0415 - see the package's docstring
    from consumer.scoring.verify import verify  # noqa: PLC0415 - see the package's docstring

    dsn = settings.load(unneeded=frozenset({"kafka_bootstrap"})).dsn()
    with show_progress("entries verified") as tell:
        report = asyncio.run(
            verify(dsn, account=arguments.account, progress=lambda so_far: tell(so_far.entries))
        )
    for difference in report.differences:
        say(difference)
    say(f"{report.entries} entries of {report.contacts} contacts verified")
    if report.differences:
        complain(f"engagement verify: {len(report.differences)} differences")
        return FAILURE
    return SUCCESS
