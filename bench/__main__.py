"""`python -m bench MEASURE…`: measures on servers of its own; the figures are left in bench/out/latest.json too.

Each run of the worker is checked against an oracle in memory; one that is wrong ends everything.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from bench import runs
from bench.base import based
from bench.filled import filled
from bench.latency import latency
from bench.lists import lists
from bench.oracle import Expected
from bench.path import path
from bench.publishing import begin_draft, publish
from bench.servers import servers
from bench.traffic import USUAL, Sent, Shape, draw, lay

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from bench.runs import Figures
    from bench.servers import Servers

OUT = Path(__file__).parent / "out" / "latest.json"
SEED = 7
_STORED = 2_000_000
_BASE = 1_000_000
# Longer than ENGAGEMENT_CLAIM_WINDOW: 90 days.
_BEFORE_CLAIMS = timedelta(days=120)

console = Console()


@dataclass
class Bench:
    """What all measures share. results: what goes into latest.json."""

    servers: Servers
    events: int
    repeats: int
    results: dict[str, Any] = field(default_factory=dict)
    _laid: dict[str, tuple[list[Sent], Expected]] = field(default_factory=dict)
    _base: str | None = None

    async def base(self) -> str:
        """Return the database with a million contacts, made once; measures work on copies of it."""
        if self._base is None:
            console.print(f"storing {_BASE:,} contacts …", style="dim")
            self._base = await based(self.servers, _BASE)
        return self._base

    async def laid(
        self, name: str, shape: Shape = USUAL, events: int | None = None
    ) -> tuple[str, Expected, int]:
        """Lay a traffic into topics of its own, once; return prefix, what it must lead to, number of records."""
        prefix = f"{name}-"
        if name not in self._laid:
            console.print(f"laying {name} …", style="dim")
            records = list(draw(SEED, events or self.events, shape))
            await self.servers.topics(prefix)
            await lay(self.servers.bootstrap, prefix, records)
            self._laid[name] = records, Expected(records)
        records, expected = self._laid[name]
        return prefix, expected, len(records)


# Measures ----------------------------------------------------------------------------------------------------


async def ratio(bench: Bench) -> None:
    """Events per second of the worker beside the copy-through floor, in turn; CPU per 1,000 events; memory."""
    prefix, expected, records = await bench.laid("ratio")
    floors, subjects = [], []
    for _ in range(bench.repeats):
        floors.append(await runs.floor(bench.servers, prefix))
        subjects.append(await runs.subject(bench.servers, prefix, expected, records))
        console.print(f"  floor {floors[-1].rate:,.0f}/s, worker {subjects[-1].rate:,.0f}/s", style="dim")
    keyed = await runs.floor(bench.servers, prefix, with_key=True)
    ratios = [one.rate / other.rate for one, other in zip(subjects, floors, strict=True)]
    _show("floor: consume, decode, COPY", "events/s", [one.rate for one in floors])
    _show("worker: everything, exactly once", "events/s", [one.rate for one in subjects])
    _show("ratio, run by run", "", ratios, 3)
    console.print(f"rows written: floor {floors[0].rows:,}, worker {subjects[0].rows:,} (equal, same topics)")
    console.print(f"floor with the timeline's primary key: {keyed.rate:,.0f} events/s")
    cpu = _median_cpu(subjects)
    console.print(f"CPU ms per 1,000 events: {_listed(cpu)}")
    rss = max(one.rss for one in subjects) / (1 << 20)
    console.print(f"memory of the worker at most: {rss:.0f} MiB")
    if floors[0].rows != subjects[0].rows:
        raise RuntimeError("floor and worker wrote different numbers of rows")
    bench.results |= {
        "ratio_to_floor": statistics.median(ratios),
        "events_per_second": statistics.median(one.rate for one in subjects),
        "floor_events_per_second": statistics.median(one.rate for one in floors),
        "floor_with_key_events_per_second": keyed.rate,
        "cpu_ms_per_1000_events": cpu,
        "rss_mib": max(rss, bench.results.get("rss_mib", 0)),
        "rows": subjects[0].rows,
    }


async def latency_(bench: Bench) -> None:
    """Milliseconds from a record produced to its score-changed read, at a steady 1,000 events/s."""
    measured = [
        await latency(bench.servers, str(number), rate=1000, seconds=10) for number in range(bench.repeats)
    ]
    spent = {name: [getattr(one, name) for one in measured] for name in ("p50", "p99", "highest")}
    for name, values in spent.items():
        _show(f"latency at 1,000 events/s, {name}", "ms", values)
    bench.results["latency_ms"] = {name: statistics.median(values) for name, values in spent.items()}
    rss = max(one.rss for one in measured) / (1 << 20)
    bench.results["rss_mib"] = max(rss, bench.results.get("rss_mib", 0))


async def flatness(bench: Bench) -> None:
    """Events per second with 2,000,000 timeline rows stored, beside an empty database, in turn."""
    prefix, expected, records = await bench.laid("ratio")
    console.print(f"storing {_STORED:,} rows …", style="dim")
    template = await filled(bench.servers, _STORED)
    empty, full = [], []
    for _ in range(bench.repeats):
        empty.append(await runs.subject(bench.servers, prefix, expected, records))
        full.append(await runs.subject(bench.servers, prefix, None, records, template=template))
        console.print(f"  empty {empty[-1].rate:,.0f}/s, full {full[-1].rate:,.0f}/s", style="dim")
    ratios = [one.rate / other.rate for one, other in zip(full, empty, strict=True)]
    _show(f"with {_STORED:,} rows stored, of that on an empty database", "", ratios, 3)
    bench.results["flatness"] = statistics.median(ratios)
    await bench.servers.drop(template)


async def path_(bench: Bench) -> None:
    """Take the path alone, from memory to its commits: microseconds per event, by stage and by who spends them."""
    sent = list(draw(SEED, bench.events))
    runs_of = [await path(bench.servers, sent, together=2000) for _ in range(bench.repeats)]
    spent = {name: [getattr(one, name) for one in runs_of] for name in ("wall", "python", "postgres")}
    for name, values in spent.items():
        _show(f"path, {name}", "µs per event", values)
    stages = {name: statistics.median(one.stages[name] for one in runs_of) for name in runs_of[0].stages}
    console.print("wall by stage:", ", ".join(f"{name} {took:.0f}" for name, took in stages.items()))
    medians = {name: statistics.median(values) for name, values in spent.items()}
    bench.results["path_us_per_event"] = {**medians, "stages": stages}


async def two_workers(bench: Bench) -> None:
    """Two workers on this machine beside one alone, in turn."""
    prefix, expected, records = await bench.laid("ratio")
    await _beside(
        bench, "two_workers", lambda: runs.subject(bench.servers, prefix, expected, records, workers=2)
    )


async def duplicates(bench: Bench) -> None:
    """Feed topics again that were wholly applied already, beside applying them, in turn."""
    prefix, expected, records = await bench.laid("ratio")
    await _beside(bench, "replay", lambda: runs.subject(bench.servers, prefix, expected, records, again=True))


async def shapes(bench: Bench) -> None:
    """Give one contact half of all events, and let all events be late, beside the usual traffic."""
    for name, shape in (("hot", Shape(hot=0.5)), ("late", Shape(late=1.0))):
        prefix, expected, records = await bench.laid(name, shape, bench.events // 2)
        await _beside(bench, name, lambda: runs.subject(bench.servers, prefix, expected, records))  # noqa: B023


async def old(bench: Bench) -> None:
    """Date all events before the claim window, as a first start on a long-lived topic finds them."""
    prefix, expected, records = await bench.laid("old", Shape(age=_BEFORE_CLAIMS))
    await _beside(bench, "old", lambda: runs.subject(bench.servers, prefix, expected, records))


async def _beside(bench: Bench, name: str, measure: Callable[[], Awaitable[Figures]]) -> None:
    prefix, expected, records = await bench.laid("ratio")
    usual, special = [], []
    for _ in range(bench.repeats):
        usual.append(await runs.subject(bench.servers, prefix, expected, records))
        special.append(await measure())
        console.print(f"  usual {usual[-1].rate:,.0f}/s, {name} {special[-1].rate:,.0f}/s", style="dim")
    ratios = [one.rate / other.rate for one, other in zip(special, usual, strict=True)]
    _show(f"{name}, of the usual throughput", "", ratios, 3)
    cpu = special[-1].cpu
    busy = ", ".join(f"{who} {spent / special[-1].seconds:.2f}" for who, spent in cpu.items())
    console.print(f"  cores used: {busy}")
    for kind, figures in (("usual", usual), (name, special)):
        console.print(f"  CPU ms per 1,000 events, {kind}: {_listed(_median_cpu(figures))}")
    bench.results[name] = {
        "ratio": statistics.median(ratios),
        "events_per_second": special[-1].rate,
        "cpu_ms_per_1000_events": _median_cpu(special),
    }


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
    _show("building and flip", "contacts/s", [one.contacts / one.build for one in runs_of])
    _show("building and flip, of one UPDATE", "", [one.build / one.floor for one in runs_of], 2)
    _show("preview, of the bare join", "", [one.preview / one.join for one in runs_of], 2)
    prefix, _, records = await bench.laid("ratio")
    alone, beside = [], []
    for _ in range(bench.repeats):
        alone.append(await runs.subject(bench.servers, prefix, None, records, template=base))
        beside.append(
            await runs.subject(bench.servers, prefix, None, records, template=base, prepare=begin_draft)
        )
        console.print(f"  alone {alone[-1].rate:,.0f}/s, beside {beside[-1].rate:,.0f}/s", style="dim")
    ratios = [one.rate / other.rate for one, other in zip(beside, alone, strict=True)]
    _show("a worker while a publish goes on, of its usual throughput", "", ratios, 2)
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
    "latency": latency_,
    "path": path_,
    "flatness": flatness,
    "two-workers": two_workers,
    "duplicates": duplicates,
    "shapes": shapes,
    "old": old,
    "publish": publish_,
    "lists": lists_,
}


def _median_cpu(figures: Sequence[Figures]) -> dict[str, float]:
    """Return the milliseconds of CPU per 1,000 events by who spent them, medians over the runs."""
    spent = [one.cpu_per_thousand() for one in figures]
    return {name: statistics.median(one[name] for one in spent) for name in spent[0]}


def _listed(cpu: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {spent:.0f}" for name, spent in cpu.items())


def _show(what: str, unit: str, values: list[float], digits: int = 0) -> None:
    """Print minimum, median and maximum."""
    table = Table(show_header=True, box=None, title=what, title_justify="left")
    for column in ("min", "median", "max", "runs"):
        table.add_column(column, justify="right")
    shown = [f"{pick(values):,.{digits}f} {unit}" for pick in (min, statistics.median, max)]
    table.add_row(*shown, str(len(values)))
    console.print(table)


def _commit() -> str:
    asked = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


async def _run(names: list[str], events: int, repeats: int) -> dict[str, Any]:
    async with servers() as started:
        settings = await started.settings()
        console.print(", ".join(f"{name} {value}" for name, value in settings.items()))
        bench = Bench(started, events, repeats)
        for name in names:
            console.rule(name)
            await MEASURES[name](bench)
        return {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "commit": _commit(),
            "settings": settings,
            "events": events,
            "repeats": repeats,
            **bench.results,
        }


def main() -> int:
    """Run the measures that are named."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    lines = "; ".join(f"{name}: {(run.__doc__ or '').strip()}" for name, run in MEASURES.items())
    parser.add_argument(
        "measures", nargs="+", choices=MEASURES, metavar="MEASURE", help=lines.replace("%", "%%")
    )
    parser.add_argument("--events", type=int, default=250_000)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    results = asyncio.run(_run(arguments.measures, arguments.events, arguments.repeats))
    OUT.parent.mkdir(exist_ok=True)
    earlier = json.loads(OUT.read_text()) if OUT.exists() else {}
    OUT.write_text(json.dumps(earlier | results, indent=2) + "\n")
    console.print(f"left in {OUT.relative_to(Path.cwd()) if OUT.is_relative_to(Path.cwd()) else OUT}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
