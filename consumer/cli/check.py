"""`engagement check`: reports everything that is wrong with the installation, at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from consumer.cli import FAILURE, SUCCESS, preflight, print_error, print_line
from consumer.infra.settings import load_settings

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments and handler."""
    parser.description = (
        "Checks settings, database, schema version, brokers and topics, prints one line for each finding, "
        "and ends with 1 if any of them is wrong; a warning changes no exit code. Changes nothing."
    )
    parser.set_defaults(handler=_handle)


def _handle(_arguments: Namespace) -> int:
    findings = asyncio.run(preflight.check(load_settings()))
    for finding in findings:
        state = "WRONG" if not finding.ok else "WARN " if finding.warning else "ok   "
        print_line(f"{state} {finding.subject}: {finding.text}")
    wrong = sum(not finding.ok for finding in findings)
    if wrong:
        print_error(f"engagement check: {wrong} of {len(findings)} checks failed")
    return FAILURE if wrong else SUCCESS
