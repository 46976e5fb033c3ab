"""`engagement demo`: everything in one go, on an embedded database and an embedded broker."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from consumer.cli import FAILURE, SUCCESS, CommandFailedError
from consumer.cli.arguments import positive
from consumer.demo.director import run_demo
from consumer.demo.servers import missing_packages

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments and handler."""
    parser.description = (
        "Starts an embedded PostgreSQL and an embedded broker, applies the starting catalog for three "
        "accounts, feeds realistic product events and shows the worker processing them. Ends with a "
        "summary, one contact's timeline and `verify`. With --serve it then serves the console, the API, the "
        "tracker and a sample site with it, until Ctrl-C. Needs no other server, and removes everything it created."
    )
    parser.add_argument(
        "--events", type=positive, default=20_000, metavar="N", help="events to feed (default: %(default)s)"
    )
    parser.add_argument(
        "--seed",
        type=positive,
        default=1,
        metavar="N",
        help="seed of the events; the same seed gives the same events (default: 1)",
    )
    parser.add_argument(
        "--serve", action="store_true", help="then serve console, API, tracker and sample site until Ctrl-C"
    )
    parser.set_defaults(handler=_handle)


def _handle(arguments: Namespace) -> int:
    if missing := missing_packages():
        raise CommandFailedError(f"{' and '.join(missing)} not installed: pip install '.[demo]'")
    demo = run_demo(events=arguments.events, seed=arguments.seed, serves=arguments.serve)
    return SUCCESS if asyncio.run(demo) else FAILURE
