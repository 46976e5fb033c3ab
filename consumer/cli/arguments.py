"""Kinds of arguments that several commands take.

Owns reading them from text, with messages for wrong usage. Never looks at the environment.
"""

from __future__ import annotations

import argparse
import re
from typing import Any

# What argparse gives to add a command to; its class has no public name.
Commands = Any

_DURATION = re.compile(r"(\d{1,9})([smhd]?)", re.ASCII)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


def command(commands: Commands, name: str, summary: str, description: str = "") -> argparse.ArgumentParser:
    """Add a command by its name, with a summary for the list and a description for its own help."""
    added: argparse.ArgumentParser = commands.add_parser(
        name, help=summary, description=description or f"{summary[0].upper()}{summary[1:]}."
    )
    return added


def positive(text: str) -> int:
    """Read a whole number of at least 1."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, not {text!r}")
    return int(text)


def partition(text: str) -> int:
    """Read the number of a partition."""
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"must be the number of a partition, not {text!r}")
    return int(text)


def seconds(text: str) -> float:
    """Read a duration like 30s, 5m or 2h; a bare number is seconds."""
    match = _DURATION.fullmatch(text)
    if match is None or int(match[1]) < 1:
        raise argparse.ArgumentTypeError(f"must be a duration like 30s, 5m or 2h, not {text!r}")
    return float(match[1]) * _SECONDS[match[2]]
