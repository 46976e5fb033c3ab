"""`engagement check`: everything that is wrong, at once."""

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
    command(
        commands,
        "check",
        "say everything that is wrong, at once",
        "Looks at settings, database, schema version, brokers and topics, says what is well and what is "
        "wrong, and ends with 1 if anything is. Changes nothing.",
    ).set_defaults(handler=_handle)


def _handle(_arguments: Namespace) -> int:
    from consumer.cli.preflight import check  # noqa: PLC0415 - see the package's docstring

    made = settings.load()
    findings = asyncio.run(check(made))
    for finding in findings:
        say(f"{'ok   ' if finding.ok else 'WRONG'} {finding.subject}: {finding.text}")
    wrong = sum(not finding.ok for finding in findings)
    if wrong:
        complain(f"engagement check: {wrong} of {len(findings)} things are wrong")
    return FAILURE if wrong else SUCCESS
