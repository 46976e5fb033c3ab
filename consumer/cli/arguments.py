"""Types of arguments that several commands take, and sub-commands."""

from __future__ import annotations

import argparse
import re
from typing import Any

# What `add_subparsers` returns; its class has no public name.
Subcommands = Any

_DURATION = re.compile(r"(\d{1,9})([smhd]?)", re.ASCII)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


def add_subcommands(parser: argparse.ArgumentParser) -> Subcommands:
    """Make a command consist of sub-commands, one of which is required."""
    return parser.add_subparsers(title="commands", dest="subcommand", metavar="COMMAND", required=True)


def add_subcommand(
    subcommands: Subcommands, name: str, summary: str, description: str = ""
) -> argparse.ArgumentParser:
    """Add a sub-command; summary: its line in the list, description: for its own `--help`."""
    added: argparse.ArgumentParser = subcommands.add_parser(
        name, help=summary, description=description or f"{summary[0].upper()}{summary[1:]}."
    )
    return added


def positive(text: str) -> int:
    """Parse a whole number of at least 1."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, not {text!r}")
    return int(text)


def partition(text: str) -> int:
    """Parse the number of a partition."""
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"must be the number of a partition, not {text!r}")
    return int(text)


def seconds(text: str) -> float:
    """Parse a duration like 30s, 5m or 2h into seconds; a bare number is seconds."""
    match = _DURATION.fullmatch(text)
    if match is None or int(match[1]) < 1:
        raise argparse.ArgumentTypeError(f"must be a duration like 30s, 5m or 2h, not {text!r}")
    return float(match[1]) * _SECONDS[match[2]]
