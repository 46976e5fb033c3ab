"""`engagement migrate`: creates or upgrades the database schema."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from consumer.cli import SUCCESS, print_line
from consumer.infra.postgres.migrate import migrate
from consumer.infra.settings import load_settings

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments and handler."""
    parser.description = (
        "Creates the schema in an empty database or upgrades an older one to this version, in one "
        "transaction. Run it before the workers of a new version; running it again does nothing."
    )
    parser.set_defaults(handler=_handle)


def _handle(_arguments: Namespace) -> int:
    before, after = asyncio.run(migrate(load_settings(kafka=False).dsn(), upgrading=_print_beginning))
    if before == after:
        print_line(f"the schema is at version {after} already")
    elif before == 0:
        print_line(f"created the schema, version {after}")
    else:
        print_line(f"upgraded the schema from version {before} to {after}")
    return SUCCESS


def _print_beginning(before: int, after: int) -> None:
    print_line(
        f"upgrading the schema from version {before} to {after}: in a large database this takes minutes; "
        f"interrupted, it leaves version {before}"
    )
    sys.stdout.flush()  # at once, into a pipe too
