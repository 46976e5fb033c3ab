"""What one hostile account costs a thousand others: their throughput and latency, beside an undisturbed run.

Owns laying the hostile records among the others', and comparing. What the account does: hostile.py.
"""

from __future__ import annotations

import asyncio
import json
import statistics
from pathlib import Path
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaProducer
from rich.table import Table

from bench.hostile import CASES, keep_acting, of_many, others_and_one
from bench.latency import latency
from bench.runs import subject
from bench.session import SEED, console
from bench.traffic import draw, lay

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.hostile import Case
    from bench.latency import Latency
    from bench.session import Bench
    from bench.traffic import Sent

OUT = Path(__file__).parent / "out" / "tenants.json"
# One record of the hostile account after so many of the others.
_SHARE = 50
_RATE, _SECONDS = 500, 10.0


async def tenants(bench: Bench) -> None:
    """Let one account be hostile beside a thousand others: their throughput and p99, of an undisturbed run."""
    template = await others_and_one(bench.servers)
    undisturbed = await _lay(bench, "undisturbed", None)
    cases = {}
    for case in CASES:
        laid = await _lay(bench, case.slug, case)
        throughputs, p99s = [], []
        for number in range(bench.repeats):
            alone = await _others_per_second(bench, undisturbed, template, None)
            beside = await _others_per_second(bench, laid, template, case)
            throughputs.append(beside / alone)
            quiet = await _latency(bench, f"quiet-{case.slug}-{number}", template, None)
            loud = await _latency(bench, f"{case.slug}-{number}", template, case)
            p99s.append(loud.p99 / quiet.p99)
            console.print(
                f"  {case.name}: {alone:,.0f}/s alone, {beside:,.0f}/s beside; "
                f"p99 {quiet.p99:.0f} and {loud.p99:.0f} ms",
                style="dim",
            )
        cases[case.name] = {"throughput": statistics.median(throughputs), "p99": statistics.median(p99s)}
    _show(cases)
    bench.results["tenants"] = cases
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(
        json.dumps({"events": bench.events, "repeats": bench.repeats, "cases": cases}, indent=2) + "\n"
    )
    await bench.servers.drop(template)


def _show(cases: dict[str, dict[str, float]]) -> None:
    table = Table(
        box=None, title="the others beside one account, of an undisturbed run", title_justify="left"
    )
    for column in ("", "throughput", "p99"):
        table.add_column(column, justify="right" if column else "left")
    for name, ratios in cases.items():
        table.add_row(name, f"{ratios['throughput']:.2f}", f"{ratios['p99']:.2f}")
    console.print(table)


async def _lay(bench: Bench, name: str, case: Case | None) -> tuple[str, int]:
    """Lay the others' records with the hostile ones among them; return the topics' prefix and the records."""
    prefix = f"tenants-{name}-"
    await bench.servers.topics(prefix)
    laid = 0

    def records() -> Iterator[Sent]:
        nonlocal laid
        for number, sent in enumerate(of_many(draw(SEED, bench.events))):
            yield sent
            laid += 1
            if case is not None and number % _SHARE == 0 and (hostile := case.record(laid)) is not None:
                yield hostile
                laid += 1

    await lay(bench.servers.bootstrap, prefix, records())
    return prefix, laid


async def _others_per_second(bench: Bench, laid: tuple[str, int], template: str, case: Case | None) -> float:
    """Return how many of the others' records are done in a second, hostile ones included in the time."""
    prefix, records = laid
    acting: list[asyncio.Task[None]] = []

    async def begin(dsn: str) -> None:
        if case is not None:
            acting.append(asyncio.create_task(keep_acting(case, dsn)))

    try:
        done = await subject(bench.servers, prefix, None, records, template=template, prepare=begin)
    finally:
        await _end(acting)
    return bench.events / done.seconds


async def _latency(bench: Bench, name: str, template: str, case: Case | None) -> Latency:
    """Return the latency of one other account at a steady rate, the hostile one sending its share beside it."""
    tasks: list[asyncio.Task[None]] = []

    async def begin(dsn: str) -> None:
        if case is not None:
            tasks.append(asyncio.create_task(keep_acting(case, dsn)))
            tasks.append(asyncio.create_task(_keep_sending(bench, f"latency-{name}-", case)))

    try:
        return await latency(
            bench.servers, name, rate=_RATE, seconds=_SECONDS, template=template, prepare=begin
        )
    finally:
        await _end(tasks)


async def _keep_sending(bench: Bench, prefix: str, case: Case) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bench.servers.bootstrap, linger_ms=0) as producer:
        number = 1_000_000  # apart from those that were laid
        while (sent := case.record(number)) is not None:
            await producer.send(
                prefix + sent.topic,
                sent.value,
                key=sent.key,
                partition=sent.partition,
                headers=[("content-type", b"application/cloudevents+json")],
            )
            number += 1
            await asyncio.sleep(_SHARE / _RATE)


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    """End what acted beside a run; an error of it is raised, since then nothing was disturbed."""
    for task in tasks:
        if task.done():
            task.result()
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
