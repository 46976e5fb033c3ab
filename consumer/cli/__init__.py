"""The commands, one module each: their arguments, what they print and how they end.

Owns the edge between a person at a terminal and the service. Never does a command's work: a handler reads the
settings, calls what does it, and prints. Modules that only one command needs are imported inside its handler, so
that `--help` is quick and `migrate` works where the demo's wheels are missing.
"""

from __future__ import annotations

import sys

SUCCESS = 0
FAILURE = 1


class CommandFailedError(Exception):
    """A command could not do its work for a reason that people can act on; its message is one clear line."""


def say(line: str = "") -> None:
    """Print a line of the answer, on standard output."""
    print(line)  # noqa: T201 - the one place where commands print


def complain(line: str) -> None:
    """Print a line about what is wrong, on standard error."""
    print(line, file=sys.stderr)  # noqa: T201 - the same
