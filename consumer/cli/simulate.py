"""`engagement simulate`: realistic product events at a given rate."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from consumer.cli import SUCCESS, say
from consumer.cli.arguments import Commands, command, positive, seconds
from consumer.infra import settings

if TYPE_CHECKING:
    from argparse import Namespace

COMPRESSIONS = ("none", "gzip", "snappy", "lz4", "zstd")


def register(commands: Commands) -> None:
    """Add the command."""
    added = command(
        commands,
        "simulate",
        "produce realistic product events at a given rate",
        "Produces events of made-up people to all input topics, duplicates, late ones and broken records "
        "among them. Their accounts are named like the catalogs of the demo; without end unless --count or "
        "--duration is given.",
    )
    added.add_argument(
        "--rate", type=positive, default=100, metavar="N", help="records a second (default: %(default)s)"
    )
    end = added.add_mutually_exclusive_group()
    end.add_argument("--count", type=positive, metavar="N", help="end after so many records")
    end.add_argument("--duration", type=seconds, metavar="TIME", help="end after this time (30s, 5m, 2h)")
    added.add_argument(
        "--accounts", metavar="ID,ID", help="accounts to make events for (default: the demo's)"
    )
    added.add_argument(
        "--contacts", type=positive, default=500, metavar="N", help="people in all (default: %(default)s)"
    )
    added.add_argument(
        "--seed",
        type=positive,
        metavar="N",
        help="the same people and events again (default: others each time)",
    )
    added.add_argument(
        "--compression", choices=COMPRESSIONS, default="lz4", help="of record batches (default: %(default)s)"
    )
    added.set_defaults(handler=_handle)


def _handle(arguments: Namespace) -> int:
    from consumer.demo.traffic.producer import simulate  # noqa: PLC0415 - the same
    from consumer.demo.traffic.scenario import DEMO_ACCOUNTS  # noqa: PLC0415 - see the package's docstring

    made = settings.load(unneeded=frozenset({"database_url"}))
    produced = asyncio.run(
        simulate(
            made,
            rate=arguments.rate,
            count=arguments.count,
            duration=arguments.duration,
            # A run that repeats the last one's events would be all duplicates.
            seed=arguments.seed or time.time_ns() % 2**32,
            accounts=tuple(arguments.accounts.split(",")) if arguments.accounts else DEMO_ACCOUNTS,
            contacts=arguments.contacts,
            compression=None if arguments.compression == "none" else arguments.compression,
        )
    )
    say(f"{produced} records produced")
    return SUCCESS
