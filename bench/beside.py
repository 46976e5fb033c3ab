"""The worker under something particular, beside the usual traffic on an empty database, in turn."""

from __future__ import annotations

import statistics
from datetime import timedelta
from typing import TYPE_CHECKING

from bench.figures import median_cpu
from bench.filled import filled
from bench.session import console, listed, show
from bench.traffic import Shape

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bench.figures import Figures
    from bench.session import Bench

_STORED = 2_000_000
# Longer than ENGAGEMENT_CLAIM_WINDOW: 90 days.
_BEFORE_CLAIMS = timedelta(days=120)


async def flatness(bench: Bench) -> None:
    """Events per second with 2,000,000 timeline rows stored, beside an empty database, in turn."""
    laid = await bench.laid("ratio")
    console.print(f"storing {_STORED:,} rows …", style="dim")
    template = await filled(bench.servers, _STORED)
    empty, full = [], []
    for _ in range(bench.repeats):
        empty.append(await bench.worker(laid))
        full.append(await bench.worker(laid, checked=False, template=template))
        console.print(f"  empty {empty[-1].rate:,.0f}/s, full {full[-1].rate:,.0f}/s", style="dim")
    ratios = [one.rate / other.rate for one, other in zip(full, empty, strict=True)]
    show(f"with {_STORED:,} rows stored, of that on an empty database", "", ratios, 3)
    bench.results["flatness"] = statistics.median(ratios)
    await bench.servers.drop(template)


async def two_workers(bench: Bench) -> None:
    """Two workers on this machine beside one alone, in turn."""
    laid = await bench.laid("ratio")
    await _beside(bench, "two_workers", lambda: bench.worker(laid, workers=2))


async def duplicates(bench: Bench) -> None:
    """Feed topics again that were wholly applied already, beside applying them, in turn."""
    laid = await bench.laid("ratio")
    await _beside(bench, "replay", lambda: bench.worker(laid, again=True))


async def shapes(bench: Bench) -> None:
    """Give one contact half of all events, and let all events be late, beside the usual traffic."""
    for name, shape in (("hot", Shape(hot=0.5)), ("late", Shape(late=1.0))):
        laid = await bench.laid(name, shape, bench.events // 2)
        await _beside(bench, name, lambda: bench.worker(laid))  # noqa: B023


async def old(bench: Bench) -> None:
    """Date all events before the claim window, as a first start on a long-lived topic finds them."""
    laid = await bench.laid("old", Shape(age=_BEFORE_CLAIMS))
    await _beside(bench, "old", lambda: bench.worker(laid))


async def _beside(bench: Bench, name: str, measure: Callable[[], Awaitable[Figures]]) -> None:
    laid = await bench.laid("ratio")
    usual, special = [], []
    for _ in range(bench.repeats):
        usual.append(await bench.worker(laid))
        special.append(await measure())
        console.print(f"  usual {usual[-1].rate:,.0f}/s, {name} {special[-1].rate:,.0f}/s", style="dim")
    ratios = [one.rate / other.rate for one, other in zip(special, usual, strict=True)]
    show(f"{name}, of the usual throughput", "", ratios, 3)
    cpu = special[-1].cpu
    busy = ", ".join(f"{who} {spent / special[-1].seconds:.2f}" for who, spent in cpu.items())
    console.print(f"  cores used: {busy}")
    for kind, figures in (("usual", usual), (name, special)):
        console.print(f"  CPU ms per 1,000 events, {kind}: {listed(median_cpu(figures))}")
    bench.results[name] = {
        "ratio": statistics.median(ratios),
        "events_per_second": special[-1].rate,
        "cpu_ms_per_1000_events": median_cpu(special),
    }
