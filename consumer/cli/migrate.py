"""`engagement migrate`: creates or upgrades the database schema."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from consumer.cli import SUCCESS, say
from consumer.cli.arguments import Commands, command
from consumer.infra import settings

if TYPE_CHECKING:
    from argparse import Namespace


def register(commands: Commands) -> None:
    """Add the command."""
    command(
        commands,
        "migrate",
        "create or upgrade the database schema",
        "Creates the schema in an empty database or brings an older one up to this version, in one "
        "transaction. Run it before the workers of a new version; running it again does nothing.",
    ).set_defaults(handler=_handle)


def _handle(_arguments: Namespace) -> int:
    from consumer.infra.postgres.migrate import migrate  # noqa: PLC0415 - see the package's docstring

    before, after = asyncio.run(migrate(settings.load(unneeded=frozenset({"kafka_bootstrap"})).dsn()))
    if before == after:
        say(f"the schema is at version {after} already")
    elif before == 0:
        say(f"created the schema, version {after}")
    else:
        say(f"upgraded the schema from version {before} to {after}")
    return SUCCESS
