"""`engagement simulate`: produces realistic product events at a given rate."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from consumer.cli import SUCCESS, print_line
from consumer.cli.arguments import positive, seconds
from consumer.demo.traffic.producer import simulate
from consumer.demo.traffic.scenario import DEMO_ACCOUNTS
from consumer.infra.settings import load_settings

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

COMPRESSIONS = ("none", "gzip", "snappy", "lz4", "zstd")


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments and handler."""
    parser.description = (
        "Produces events of simulated people to all input topics, including duplicates, late events and "
        "malformed records. The default accounts are those of the demo's catalogs. Runs until --count or "
        "--duration is reached, without either until it is interrupted."
    )
    parser.add_argument(
        "--rate", type=positive, default=100, metavar="N", help="records per second (default: %(default)s)"
    )
    end = parser.add_mutually_exclusive_group()
    end.add_argument("--count", type=positive, metavar="N", help="stop after this many records")
    end.add_argument("--duration", type=seconds, metavar="TIME", help="stop after this time (30s, 5m, 2h)")
    parser.add_argument("--accounts", metavar="ID,ID", help="accounts of the events (default: the demo's)")
    parser.add_argument(
        "--contacts",
        type=positive,
        default=500,
        metavar="N",
        help="people in all accounts together (default: %(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=positive,
        metavar="N",
        help="the same seed gives the same people and events (default: a new seed each time)",
    )
    parser.add_argument(
        "--compression",
        choices=COMPRESSIONS,
        default="lz4",
        help="compression of record batches (default: %(default)s)",
    )
    parser.set_defaults(handler=_handle)


def _handle(arguments: Namespace) -> int:
    settings = load_settings(database=False)
    produced = asyncio.run(
        simulate(
            settings,
            rate=arguments.rate,
            count=arguments.count,
            duration=arguments.duration,
            # With the seed of an earlier run every event would be a duplicate.
            seed=arguments.seed or time.time_ns() % 2**32,
            accounts=tuple(arguments.accounts.split(",")) if arguments.accounts else DEMO_ACCOUNTS,
            contacts=arguments.contacts,
            compression=None if arguments.compression == "none" else arguments.compression,
        )
    )
    print_line(f"{produced} records produced")
    return SUCCESS
