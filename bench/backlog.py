"""How fast a relay publishes a backlog, beside how fast a worker makes one: both alone, on the same events."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from bench.runs import ROOT, Worker
from bench.session import console, show

if TYPE_CHECKING:
    from bench.servers import Servers
    from bench.session import Bench

# Another checkout, whose relay is measured in turn with this one's.
_OTHER = os.environ.get("BENCH_OTHER")
_POLL = 0.02
_PATIENCE = 900
_POSITIONS = "select coalesce(sum(next_offset), 0)::bigint from lanes"
_WAITING = (
    "select coalesce(sum(h.head - f.floor), 0)::bigint from outbox_heads h join relay_floors f using (shard)"
)


@dataclass(frozen=True, slots=True)
class _Rate:
    """Messages, and the seconds they took."""

    messages: int
    seconds: float

    @property
    def per_second(self) -> float:
        return self.messages / self.seconds


async def backlog(bench: Bench) -> None:
    """Messages per second of a worker without a relay, and of a relay alone over what that has made."""
    laid = await bench.laid("ratio")
    roots = {"this": ROOT, **({"other": Path(_OTHER)} if _OTHER else {})}
    made: list[_Rate] = []
    published: dict[str, list[_Rate]] = {name: [] for name in roots}
    for _ in range(bench.repeats):
        database = await bench.servers.database()
        made.append(await _make(bench.servers, database, laid.prefix, laid.records))
        # Each is first every other time: the later one finds more in memory.
        for name in sorted(roots, reverse=len(made) % 2 == 0):
            root = roots[name]
            copy = await bench.servers.database(database)
            published[name].append(await _publish(bench.servers, copy, laid.prefix, root))
            await bench.servers.drop(copy)
        await bench.servers.drop(database)
        last = ", ".join(f"{name} {each[-1].per_second:,.0f}/s" for name, each in published.items())
        console.print(f"  made {made[-1].per_second:,.0f}/s, published: {last}", style="dim")
    show("messages made by a worker alone", "messages/s", [one.per_second for one in made])
    for name, rates in published.items():
        show(f"messages published by a relay alone, {name}", "messages/s", [one.per_second for one in rates])
        factors = [one.per_second / other.per_second for one, other in zip(rates, made, strict=True)]
        show(f"published to made, {name}, run by run", "", factors, 2)
    if _OTHER:
        both = zip(published["this"], published["other"], strict=True)
        show("this to other, run by run", "", [one.per_second / other.per_second for one, other in both], 2)


async def _make(servers: Servers, database: str, prefix: str, records: int) -> _Rate:
    """Let a worker without a relay process everything; from the first records committed to the last."""
    observer = await asyncpg.connect(servers.dsn(database))
    worker = Worker(servers, database, prefix, database, only="ingest")
    try:
        begin = await _until(worker, observer, _POSITIONS, 1)
        before = await observer.fetchval(_WAITING)
        end = await _until(worker, observer, _POSITIONS, records)
        return _Rate(await observer.fetchval(_WAITING) - before, end - begin)
    finally:
        worker.stop()
        await observer.close()


async def _publish(servers: Servers, database: str, prefix: str, root: Path) -> _Rate:
    """Let a relay publish all that waits; from the first messages acknowledged to the last."""
    observer = await asyncpg.connect(servers.dsn(database))
    waiting = await observer.fetchval(_WAITING)
    # A group of its own: its position is not that of a relay before it.
    worker = Worker(servers, database, prefix, database, only="relay", root=root)
    try:
        begin = await _until(worker, observer, f"select {waiting} - ({_WAITING})", 1)
        left = await observer.fetchval(_WAITING)
        end = await _until(worker, observer, f"select {waiting} - ({_WAITING})", waiting)
        return _Rate(left, end - begin)
    finally:
        worker.stop()
        await observer.close()


async def _until(
    worker: Worker, observer: asyncpg.Connection[asyncpg.Record], statement: str, value: int
) -> float:
    """Return when a statement's value was at least this."""
    deadline = time.monotonic() + _PATIENCE
    while await observer.fetchval(statement) < value:
        worker.check()
        if time.monotonic() > deadline:
            raise RuntimeError(f"not done: {worker.log.read_text()[-3000:]}")
        await asyncio.sleep(_POLL)
    return time.monotonic()
