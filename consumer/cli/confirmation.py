"""Asks before a change that cannot be undone; without a terminal `--yes` is required."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from consumer.cli import CommandFailedError

if TYPE_CHECKING:
    from argparse import ArgumentParser


def add_yes(parser: ArgumentParser) -> None:
    """Add the option `--yes`, which confirms in advance."""
    parser.add_argument("--yes", action="store_true", help="do not ask for confirmation")


def confirm(question: str, *, yes: bool) -> None:
    """Return if the user confirms; raise CommandFailedError if not, or if there is no terminal to ask on."""
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise CommandFailedError("nothing was done: no terminal to ask for confirmation, pass --yes")
    if input(f"{question} [y/N] ").strip().lower() not in {"y", "yes"}:
        raise CommandFailedError("nothing was done")
