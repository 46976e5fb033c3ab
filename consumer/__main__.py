"""The command line: `engagement` and `python -m consumer` are the same.

Owns the list of commands and how they end: 0 on success, 1 on failure with a clear line on standard error, 2 on
wrong usage. Never knows what a command does.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from consumer.cli import (
    FAILURE,
    catalog,
    check,
    complain,
    dead_letters,
    demo,
    lanes,
    migrate,
    republish,
    run,
    simulate,
    token,
    topics,
    verify,
    web,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

_COMMANDS = (
    demo,
    run,
    web,
    migrate,
    topics,
    check,
    catalog,
    token,
    simulate,
    verify,
    dead_letters,
    lanes,
    republish,
)
_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return how it ended; the arguments are the process's own unless others are given."""
    parsed = parser().parse_args(arguments)
    try:
        code: int = parsed.handler(parsed)
        # Whoever reads our output may have gone; found out here, it can still be answered for.
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILURE
    except Exception as error:
        # Costly to import, and needed only here.
        from consumer.cli.error_messages import explained  # noqa: PLC0415

        lines = explained(error)
        if lines is None:
            raise
        _complain(parsed.command, lines)
        return FAILURE
    return code


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    whole = argparse.ArgumentParser(
        prog="engagement",
        description="Product events in; a timeline and a lead score for every contact, and messages, out.",
        epilog="Settings are environment variables that begin with ENGAGEMENT_; the README lists them.",
    )
    commands = whole.add_subparsers(title="commands", dest="command", metavar="COMMAND", required=True)
    for command in _COMMANDS:
        command.register(commands)
    return whole


def _complain(command: str, lines: list[str]) -> None:
    if len(lines) == 1:
        complain(f"engagement {command}: {lines[0]}")
        return
    complain(f"engagement {command}: {len(lines)} things are wrong")
    for line in lines:
        complain(f"  {line}")


if __name__ == "__main__":
    sys.exit(main())
