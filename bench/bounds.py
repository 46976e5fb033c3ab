"""What bounds and bands cost: the worker, its path, and a publish, each beside itself without them, in turn."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.figures import median_cpu
from bench.path import path
from bench.publishing import PROFILE, begin_draft, connected, draft
from bench.runs import ROOT, Worker
from bench.session import SEED, console, listed, show
from bench.traffic import ACCOUNT, FRAMES, OVERALL, document, draw
from consumer.infra import postgres
from consumer.infra.postgres.connection_keeper import ConnectionKeeper
from consumer.scoring import profile_publish
from consumer.scoring.profile_publish.preview import preview
from tests.pipeline.service import apply_document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.figures import Figures
    from bench.path import Spent
    from bench.servers import Servers
    from bench.session import Bench

# Another checkout, from before bounds for example, whose worker runs in turn with this one's, without them.
_OTHER = os.environ.get("BENCH_OTHER")
_TOGETHER = 2000
_POLL = 0.2
_PATIENCE = 3600
_ANNOUNCED = "select not exists (select from publishes where ended_at is null) and not exists (\
    select from outbox_heads h join relay_floors f using (shard) where f.floor < h.head)"


async def bounds(bench: Bench) -> None:
    """Events per second and the path's time with bounds and bands of overall, and of groups too, beside without."""
    laid = await bench.laid("ratio")
    options: dict[str, dict[str, Any]] = {
        "without": {},
        "overall": {"prepare": _of_overall, "frames": OVERALL},
        "groups too": {"prepare": _of_groups, "frames": FRAMES},
        **({"other": {"root": Path(_OTHER)}} if _OTHER else {}),
    }
    runs_of: dict[str, list[Figures]] = {name: [] for name in options}
    for number in range(bench.repeats):
        # Each comes first as often: the machine is not the same from one run to the next.
        for name in _turned(list(options), number):
            runs_of[name].append(await bench.worker(laid, **options[name]))
        rates = ", ".join(f"{name} {each[-1].rate:,.0f}/s" for name, each in runs_of.items())
        console.print(f"  {rates}", style="dim")
    for name, figures in runs_of.items():
        show(f"worker, {name}", "events/s", [one.rate for one in figures])
        console.print(f"  CPU ms per 1,000 events: {listed(median_cpu(figures))}")
    ratios = {name: _ratios(runs_of[name], runs_of["without"]) for name in ("overall", "groups too")}
    for name, each in ratios.items():
        show(f"worker with bounds and bands, {name}, of that without, run by run", "", each, 3)
    if _OTHER:
        for name in ("without", "overall", "groups too"):
            ratios[f"{name}, of other"] = _ratios(runs_of[name], runs_of["other"])
            show(f"worker, {name}, of the other checkout's, run by run", "", ratios[f"{name}, of other"], 3)
    medians = {name: statistics.median(each) for name, each in ratios.items()}
    bench.results["bounds"] = {**medians, "path": await _path(bench)}


async def _path(bench: Bench) -> dict[str, dict[str, float]]:
    """Take the path alone, which relay and Kafka do not blur."""
    sent = list(draw(SEED, bench.events))
    prepares = {"without": None, "overall": _of_overall, "groups too": _of_groups}
    spent: dict[str, list[Spent]] = {name: [] for name in prepares}
    for number in range(bench.repeats):
        for name in _turned(list(prepares), number):
            spent[name].append(await path(bench.servers, sent, together=_TOGETHER, prepare=prepares[name]))
    ratios: dict[str, dict[str, float]] = {name: {} for name in prepares}
    for of in ("wall", "python", "postgres"):
        for name, each in spent.items():
            show(f"path, {name}, {of}", "µs per event", [getattr(one, of) for one in each], 1)
            pairs = zip(each, spent["without"], strict=True)
            factors = [getattr(one, of) / getattr(other, of) for one, other in pairs]
            ratios[name][of] = statistics.median(factors)
            if name != "without":
                show(f"path, {name}, of without, {of}, run by run", "", factors, 3)
    return ratios


def _turned(names: list[str], number: int) -> list[str]:
    place = number % len(names)
    return names[place:] + names[:place]


def _ratios(runs_of: Sequence[Figures], others: Sequence[Figures]) -> list[float]:
    return [one.rate / other.rate for one, other in zip(runs_of, others, strict=True)]


async def _of_overall(dsn: str) -> None:
    await apply_document(dsn, document(**OVERALL))


async def _of_groups(dsn: str) -> None:
    await apply_document(dsn, document(**FRAMES))


@dataclass(frozen=True, slots=True)
class _Published:
    """Seconds of a publish: its preview, building up to the flip, and announcing to the last message published."""

    preview: float
    build: float
    announce: float


async def bounded_publish(bench: Bench) -> None:
    """Publish other weights over the base, alone and together with its first bounds and bands, in turn."""
    base = await bench.base()
    await bench.servers.topics("bounded-")
    frames: dict[str, dict[str, Any]] = {"without": {}, "with": FRAMES}
    took: dict[str, list[_Published]] = {name: [] for name in frames}
    for number in range(bench.repeats):
        for name in _turned(list(frames), number):
            took[name].append(await _publish(bench.servers, base, frames[name]))
            last = took[name][-1]
            console.print(
                f"  {name}: preview {last.preview:.1f} s, built in {last.build:.1f} s, "
                f"announced in {last.announce:.1f} s",
                style="dim",
            )
    ratios = {}
    for of in ("preview", "build", "announce"):
        pairs = zip(took["with"], took["without"], strict=True)
        factors = [getattr(one, of) / getattr(other, of) for one, other in pairs]
        show(f"{of} with bounds and bands, of that without, run by run", "", factors, 2)
        ratios[of] = statistics.median(factors)
    bench.results["bounded_publish"] = {"contacts": bench.contacts, **ratios}


async def _publish(servers: Servers, base: str, frames: dict[str, Any]) -> _Published:
    """Publish over a copy of the base; with bounds each contact crosses from no band to its first."""
    database = await servers.database(base)
    dsn = servers.dsn(database)
    await draft(dsn, **frames)
    async with connected(dsn) as connection:
        began = time.perf_counter()
        await preview(connection, ACCOUNT, PROFILE)
        previewed = time.perf_counter() - began
        number = await begin_draft(dsn, **frames)
        keeper = ConnectionKeeper(lambda: postgres.connect(dsn))
        began = time.perf_counter()
        async for stands in profile_publish.run_publish(keeper, number):
            if stands.state != "building":
                break
        built = time.perf_counter() - began
        keeper.drop()
        # The worker does the rest, as it would have done all of it, and publishes the messages.
        worker = Worker(servers, database, "bounded-", database, root=ROOT)
        try:
            began = time.perf_counter()
            while not await connection.fetchval(_ANNOUNCED):
                worker.check()
                if time.perf_counter() - began > _PATIENCE:
                    raise RuntimeError(f"not announced: {worker.log.read_text()[-3000:]}")
                await asyncio.sleep(_POLL)
            announced = time.perf_counter() - began
        finally:
            worker.stop()
    await servers.drop(database)
    return _Published(previewed, built, announced)
