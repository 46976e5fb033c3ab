"""`engagement demo`: everything in one go, on an embedded database and an embedded broker."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from consumer.cli import FAILURE, SUCCESS
from consumer.cli.arguments import Commands, command, positive

if TYPE_CHECKING:
    from argparse import Namespace


def register(commands: Commands) -> None:
    """Add the command."""
    added = command(
        commands,
        "demo",
        "see it all on an embedded database and broker",
        "Starts an embedded PostgreSQL and an embedded broker, applies the starting catalog for three "
        "accounts, feeds realistic product events and shows the worker at it; ends with a summary, one "
        "contact's timeline and `verify`. Needs nothing but this program; leaves nothing behind.",
    )
    added.add_argument(
        "--events", type=positive, default=20_000, metavar="N", help="events to feed (default: %(default)s)"
    )
    added.add_argument(
        "--seed", type=positive, default=1, metavar="N", help="another seed, other events (default: 1)"
    )
    added.set_defaults(handler=_handle)


def _handle(arguments: Namespace) -> int:
    from consumer.demo import demo  # noqa: PLC0415 - needs wheels that a production install leaves out

    return SUCCESS if asyncio.run(demo(events=arguments.events, seed=arguments.seed)) else FAILURE
