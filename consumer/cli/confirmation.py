"""Asking before something that cannot be taken back.

Owns the question. Never asks where nobody can answer: there `--yes` has to have been said.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from consumer.cli import CommandFailedError

if TYPE_CHECKING:
    from argparse import ArgumentParser


def add_yes(parser: ArgumentParser) -> None:
    """Add the argument by which the answer is given beforehand."""
    parser.add_argument("--yes", action="store_true", help="do it without asking")


def confirm(question: str, *, yes: bool) -> None:
    """Return if the answer is yes; raises CommandFailedError if it is not, or if nobody can be asked."""
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise CommandFailedError("nothing was done: there is nobody to ask, confirm with --yes")
    if input(f"{question} [y/N] ").strip().lower() not in {"y", "yes"}:
        raise CommandFailedError("nothing was done")
