"""`engagement migrate`: creates or upgrades the database schema."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from consumer.cli import SUCCESS, print_line
from consumer.infra.postgres.migrate import describe, migrate, plan
from consumer.infra.postgres.schema_version import PROGRAM
from consumer.infra.settings import load_settings

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from consumer.infra.postgres.migrate import Pending
    from consumer.infra.postgres.schema_version import Schema


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments and handler."""
    parser.description = (
        "Creates the schema in an empty database, or upgrades an older one to this version while programs "
        "run on it. Run it before the workers of a new version. It can be interrupted at any time and run "
        "again, and running it again does nothing. A migration that shuts out older programs does not begin "
        "while any of them is connected: it names their versions. docs/upgrading.md has the whole procedure."
    )
    parser.add_argument(
        "--plan",
        "--dry-run",
        action="store_true",
        help="print what it would do and which programs may run meanwhile; change nothing",
    )
    parser.set_defaults(handler=_handle)


def _handle(arguments: Namespace) -> int:
    dsn = load_settings(kafka=False).dsn()
    if arguments.plan:
        for line in plan_lines(*asyncio.run(plan(dsn))):
            print_line(line)
        return SUCCESS
    before, after = asyncio.run(migrate(dsn, report=_print_at_once))
    if before == after:
        print_line(f"the schema is at version {after} already")
    elif before == 0:
        print_line(f"created the schema, version {after}")
    else:
        print_line(f"upgraded the schema from version {before} to {after}")
    return SUCCESS


def _print_at_once(line: str) -> None:
    print_line(line)
    sys.stdout.flush()  # into a pipe too


def plan_lines(schema: Schema, pending: list[Pending]) -> list[str]:
    """Return what `--plan` prints."""
    if schema.version == 0:
        return [f"the database has no schema: it would be created, version {PROGRAM}"]
    lines = [f"the schema is at version {schema.version}, {_may_run(schema.oldest_program, schema.version)}"]
    for one in pending:
        migration = one.migration
        begun = f" (begun, {one.done} of {len(migration.steps)} steps done)" if one.done else ""
        lines.append(f"migration {migration.name}{begun}:")
        lines += [f"  {number}. {describe(step)}" for number, step in enumerate(migration.steps, 1)]
        if migration.is_live:
            lines.append(f"  during it and after it {_may_run(migration.oldest_program, migration.number)}")
        else:
            lines.append(
                f"  no program may run during it; after it {_may_run(migration.oldest_program, migration.number)}"
            )
        lines += [
            f"  stop first: programs of version {version}, {count} connections"
            for version, count in one.running.items()
        ]
    if not pending:
        lines.append("nothing to do")
    return lines


def _may_run(oldest: int, newest: int) -> str:
    """Return which programs may run; one that is newer than the schema needs `migrate` first."""
    versions = f"version {newest}" if oldest == newest else f"versions {oldest} to {newest}"
    return f"programs of {versions} may run"
