"""`python -m bench MEASURE…`: measures on servers of its own; the figures are left in bench/out/latest.json too.

Each run of the worker is checked against an oracle in memory; one that is wrong ends everything.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from bench.api import api
from bench.backfill import backfill
from bench.backlog import backlog
from bench.beside import duplicates, flatness, old, shapes, two_workers
from bench.bounds import bounded_publish, bounds
from bench.changes import changes
from bench.console_pages import console_pages
from bench.latency import latency, latency_
from bench.listeners import listeners
from bench.lists import lists
from bench.lives import lives
from bench.path import path
from bench.publishing import begin_draft, publish
from bench.servers import servers
from bench.session import SEED, Bench, console, show
from bench.tenants import tenants
from bench.throughput import long, ratio
from bench.tracker import tracker
from bench.traffic import draw

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

OUT = Path(__file__).parent / "out" / "latest.json"


async def path_(bench: Bench) -> None:
    """Take the path alone, from memory to its commits: microseconds per event, by stage and by who spends them."""
    sent = list(draw(SEED, bench.events))
    runs_of = [await path(bench.servers, sent, together=2000) for _ in range(bench.repeats)]
    spent = {name: [getattr(one, name) for one in runs_of] for name in ("wall", "python", "postgres")}
    for name, values in spent.items():
        show(f"path, {name}", "µs per event", values)
    stages = {name: statistics.median(one.stages[name] for one in runs_of) for name in runs_of[0].stages}
    console.print("wall by stage:", ", ".join(f"{name} {took:.0f}" for name, took in stages.items()))
    medians = {name: statistics.median(values) for name, values in spent.items()}
    bench.results["path_us_per_event"] = {**medians, "stages": stages}


async def publish_(bench: Bench) -> None:
    """Publish over 1,000,000 contacts with five tallies each, beside plain SQL, and a worker while that goes on."""
    base = await bench.base()
    runs_of = []
    for _ in range(bench.repeats):
        runs_of.append(await publish(bench.servers, base))
        one = runs_of[-1]
        console.print(
            f"  built {one.contacts:,} contacts in {one.build:.1f} s, UPDATE of {one.rows:,} score rows "
            f"{one.floor:.1f} s; preview {one.preview:.1f} s, bare join {one.join:.1f} s",
            style="dim",
        )
    show("building and flip", "contacts/s", [one.contacts / one.build for one in runs_of])
    show("building and flip, of one UPDATE", "", [one.build / one.floor for one in runs_of], 2)
    show("preview, of the bare join", "", [one.preview / one.join for one in runs_of], 2)
    laid = await bench.laid("ratio")
    alone, beside = [], []
    for _ in range(bench.repeats):
        alone.append(await bench.worker(laid, checked=False, template=base))
        beside.append(await bench.worker(laid, checked=False, template=base, prepare=begin_draft))
        console.print(f"  alone {alone[-1].rate:,.0f}/s, beside {beside[-1].rate:,.0f}/s", style="dim")
    ratios = [one.rate / other.rate for one, other in zip(beside, alone, strict=True)]
    show("a worker while a publish goes on, of its usual throughput", "", ratios, 2)
    waits = {}
    for name, prepare in (("alone", None), ("beside", begin_draft)):
        waits[name] = await latency(bench.servers, name, rate=300, seconds=10, template=base, prepare=prepare)
        console.print(
            f"latency at 300 events/s, {name}: p50 {waits[name].p50:.0f} ms, p99 {waits[name].p99:.0f} ms"
        )
    bench.results["publish"] = {
        "contacts_per_second": statistics.median(one.contacts / one.build for one in runs_of),
        "of_update": statistics.median(one.build / one.floor for one in runs_of),
        "preview_of_join": statistics.median(one.preview / one.join for one in runs_of),
        "worker_beside": statistics.median(ratios),
        "latency_ms_beside": {"p50": waits["beside"].p50, "p99": waits["beside"].p99},
    }


async def lists_(bench: Bench) -> None:
    """Ask for lists over 1,000,000 contacts, in each order: first pages, and pages 10,000 rows deep."""
    took = await lists(bench.servers, await bench.base())
    table = Table(box=None, title="a page of 50 over HTTP, without a network", title_justify="left")
    for column in ("", "p50", "p99"):
        table.add_column(column, justify="right" if column else "left")
    for name, values in took.items():
        table.add_row(
            name, f"{statistics.median(values):.1f} ms", f"{values[int(len(values) * 0.99)]:.1f} ms"
        )
    console.print(table)
    bench.results["list_ms_p99"] = {name: values[int(len(values) * 0.99)] for name, values in took.items()}


MEASURES: dict[str, Callable[[Bench], Awaitable[None]]] = {
    "ratio": ratio,
    "long": long,
    "backlog": backlog,
    "bounds": bounds,
    "bounded-publish": bounded_publish,
    "latency": latency_,
    "path": path_,
    "flatness": flatness,
    "two-workers": two_workers,
    "duplicates": duplicates,
    "shapes": shapes,
    "old": old,
    "publish": publish_,
    "lists": lists_,
    "listeners": listeners,
    "tenants": tenants,
    "changes": changes,
    "lives": lives,
    "backfill": backfill,
    "api": api,
    "tracker": tracker,
    "console": console_pages,
}


def _commit() -> str:
    asked = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


async def _run(
    names: list[str], events: int, repeats: int, rates: list[int], contacts: int
) -> dict[str, Any]:
    async with servers() as started:
        settings = await started.settings()
        console.print(", ".join(f"{name} {value}" for name, value in settings.items()))
        bench = Bench(started, events, repeats, rates, contacts)
        for name in names:
            console.rule(name)
            await MEASURES[name](bench)
        return {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "commit": _commit(),
            "settings": settings,
            "events": events,
            "repeats": repeats,
            "processes": os.environ["ENGAGEMENT_PROCESSES"],
            **bench.results,
        }


def main() -> int:
    """Run the measures that are named."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    lines = "; ".join(f"{name}: {(run.__doc__ or '').strip()}" for name, run in MEASURES.items())
    parser.add_argument(
        "measures", nargs="+", choices=MEASURES, metavar="MEASURE", help=lines.replace("%", "%%")
    )
    parser.add_argument("--events", type=int, default=250_000, help="of the usual traffic (250000)")
    parser.add_argument("--repeats", type=int, default=3, help="of each measurement (3)")
    parser.add_argument(
        "--rates", type=int, nargs="+", default=[1000, 100], help="events per second, for latency (1000 100)"
    )
    parser.add_argument(
        "--contacts", type=int, default=1_000_000, help="of the base of publishes and lists (1000000)"
    )
    parser.add_argument(
        "--processes", default="1", metavar="N", help="processes of each worker, or 'auto': one per core (1)"
    )
    arguments = parser.parse_args()
    # Every worker that a measure starts inherits it.
    os.environ["ENGAGEMENT_PROCESSES"] = arguments.processes
    results = asyncio.run(
        _run(arguments.measures, arguments.events, arguments.repeats, arguments.rates, arguments.contacts)
    )
    OUT.parent.mkdir(exist_ok=True)
    earlier = json.loads(OUT.read_text()) if OUT.exists() else {}
    OUT.write_text(json.dumps(earlier | results, indent=2) + "\n")
    console.print(f"left in {OUT.relative_to(Path.cwd()) if OUT.is_relative_to(Path.cwd()) else OUT}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
