"""The commands of `engagement`, one module each: arguments, output and exit code. Layer: the topmost.

A handler loads the settings, calls the layers below, which do the work, and prints. Read `migrate.py` first;
`consumer/__main__.py` lists the commands.
"""

from __future__ import annotations

import sys

SUCCESS = 0
FAILURE = 1


class CommandFailedError(Exception):
    """A command failed for a reason its user can act on; the message is one clear line."""


def print_line(line: str = "") -> None:
    """Print a line of output."""
    print(line)  # noqa: T201 - the one place where commands print


def print_error(line: str) -> None:
    """Print a line on standard error."""
    print(line, file=sys.stderr)  # noqa: T201 - the same
