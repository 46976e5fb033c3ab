"""The `engagement` command line; `python -m consumer` is the same program.

Exit codes: 0 success, 1 failure with a clear line on standard error, 2 wrong usage, 130 Ctrl-C.

Only the module of the command that is run gets imported: `--help` stays quick, and no command needs what another
one imports.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from consumer.cli import FAILURE, print_error

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


class _Command(NamedTuple):
    """A command: its module, whose `configure(parser)` adds arguments and handler, and its line in `--help`."""

    module: str
    summary: str


COMMANDS = {
    "demo": _Command("demo", "see everything run on an embedded database and broker"),
    "run": _Command("run", "run the worker: events in, messages out"),
    "web": _Command("web", "serve the HTTP API"),
    "migrate": _Command("migrate", "create or upgrade the database schema"),
    "topics": _Command("topics", "create the topics that are missing"),
    "check": _Command("check", "check settings, database, schema, brokers and topics"),
    "catalog": _Command("catalog", "apply, compare or export an account's catalog"),
    "token": _Command("token", "create an API token for development"),
    "simulate": _Command("simulate", "produce realistic product events at a given rate"),
    "verify": _Command("verify", "recompute the stored timeline and compare"),
    "dead-letters": _Command(
        "dead_letters", "list, show, replay or discard records that are not valid events"
    ),
    "backfill": _Command("backfill", "bring history: events of files"),
    "lanes": _Command("lanes", "list, pause, resume or move lanes"),
    "shards": _Command("shards", "print or change the number of shards of the outbox"),
    "erase": _Command("erase", "delete what is kept of one contact, with a report"),
    "republish": _Command("republish", "send every contact's current score again, to fill a new consumer"),
}
_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; arguments: those of the process unless given."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    # No option before the command takes a value, so the first word that is not an option is the command.
    command = next((word for word in words if not word.startswith("-")), None)
    parsed = parser(COMMANDS.keys() & {command}).parse_args(words)
    try:
        code: int = parsed.handler(parsed)
        # A reader that has closed our pipe shows up here, where it can still be handled.
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILURE
    except Exception as error:
        # It imports every library whose errors it explains, so only a failure loads it.
        lines: list[str] | None = import_module("consumer.cli.error_messages").explain(error)
        if lines is None:
            raise
        _print_failure(parsed.command, lines)
        return FAILURE
    return code


def parser(configured: Collection[str] = COMMANDS.keys()) -> argparse.ArgumentParser:
    """Return the parser of the whole command line; commands that are not `configured` have only their summary."""
    whole = argparse.ArgumentParser(
        prog="engagement",
        description="Turns product events on Kafka into a timeline and a lead score for every contact.",
        epilog="Settings are environment variables that begin with ENGAGEMENT_; the README lists them.",
    )
    whole.add_argument("--version", action=_PrintVersion, help="print the version and exit")
    commands = whole.add_subparsers(title="commands", dest="command", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        summary = command.summary
        added = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        if name in configured:
            import_module(f"consumer.cli.{command.module}").configure(added)
    return whole


class _PrintVersion(argparse.Action):
    """Look the version up only when it is asked for: importlib.metadata takes as long to load as all the rest."""

    def __init__(self, option_strings: Sequence[str], dest: str, **options: object) -> None:
        super().__init__(option_strings, dest, nargs=0, default=argparse.SUPPRESS, help=str(options["help"]))

    def __call__(self, parser: argparse.ArgumentParser, *_parsed: object) -> None:
        version = import_module("importlib.metadata").version("engagement")
        print(f"engagement {version}")  # noqa: T201 - the answer
        parser.exit()


def _print_failure(command: str, lines: list[str]) -> None:
    if len(lines) == 1:
        print_error(f"engagement {command}: {lines[0]}")
        return
    print_error(f"engagement {command}: {len(lines)} problems")
    for line in lines:
        print_error(f"  {line}")


if __name__ == "__main__":
    sys.exit(main())
