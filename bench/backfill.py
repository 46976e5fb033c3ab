"""A backfill: how fast it is, and what it leaves to live traffic beside it.

The events of the file are of the contacts of the traffic, and a month older.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import asyncpg

from bench.latency import latency
from bench.runs import ROOT, running
from bench.servers import environment
from bench.session import SEED, console, show
from bench.traffic import Shape, draw

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator

    from bench.latency import Latency
    from bench.session import Bench

_OLD = Shape(age=timedelta(days=30), duplicates=0)
_RATE, _SECONDS = 300, 10.0
_POLL = 0.1
# Of the file, by which the speed alone is measured.
_ALONE = 20_000


async def backfill(bench: Bench) -> None:
    """Bring a file of old events: alone, again, and beside live traffic, whose throughput and p99 are compared."""
    with TemporaryDirectory(prefix="engagement-bench-") as folder:
        short, whole = Path(folder) / "short.jsonl", Path(folder) / "whole.jsonl"
        lines = [sent.value for sent in draw(SEED + 1, 2 * bench.events, _OLD)]
        short.write_bytes(b"\n".join(lines[:_ALONE]))
        whole.write_bytes(b"\n".join(lines))
        await _alone(bench, short)
        await _beside(bench, whole)


async def _alone(bench: Bench, file: Path) -> None:
    rates: dict[str, list[float]] = {"without pauses": [], "again": [], "with pauses": []}
    for number in range(bench.repeats):
        prefix = f"backfill-alone-{number}-"
        await bench.servers.topics(prefix)
        for pause in (False, True):
            database = await bench.servers.database()
            # For its relay.
            async with running(bench.servers, database, prefix):
                names = ["with pauses"] if pause else ["without pauses", "again"]
                for name in names:
                    began = time.monotonic()
                    process = await _started(bench.servers.dsn(database), file, pause=pause)
                    if await process.wait():
                        raise RuntimeError("the backfill failed")
                    rates[name].append(_ALONE / (time.monotonic() - began))
            await bench.servers.drop(database)
    for name, values in rates.items():
        show(f"a backfill {name}, from its start to its end", "events/s", values)
    bench.results["backfill_events_per_second"] = {
        name: statistics.median(values) for name, values in rates.items()
    }


async def _beside(bench: Bench, file: Path) -> None:
    laid = await bench.laid("ratio")
    throughputs, p99s = [], []
    for number in range(bench.repeats):
        alone = await bench.worker(laid, checked=False)
        async with _backfilling(file) as begin:
            beside = await bench.worker(laid, checked=False, prepare=begin)
        throughputs.append(beside.rate / alone.rate)
        quiet = await _latency(bench, f"backfill-quiet-{number}")
        async with _backfilling(file) as begin:
            busy = await _latency(bench, f"backfill-busy-{number}", begin)
        p99s.append(busy.p99 / quiet.p99)
        console.print(
            f"  {alone.rate:,.0f}/s alone, {beside.rate:,.0f}/s beside; "
            f"p50 {quiet.p50:.0f} and {busy.p50:.0f} ms, p99 {quiet.p99:.0f} and {busy.p99:.0f} ms",
            style="dim",
        )
    show("live throughput beside a backfill, of that alone", "", throughputs, 2)
    show(f"live p99 at {_RATE} events/s beside a backfill, of that alone", "", p99s, 2)
    bench.results["backfill_beside"] = {
        "throughput": statistics.median(throughputs),
        "p99": statistics.median(p99s),
    }


async def _latency(bench: Bench, name: str, prepare: Begin | None = None) -> Latency:
    return await latency(bench.servers, name, rate=_RATE, seconds=_SECONDS, prepare=prepare)


class Begin:
    """Begins a backfill of a database, and returns when it has applied its first events."""

    def __init__(self, file: Path) -> None:
        self.process: Process | None = None
        self._file = file

    async def __call__(self, dsn: str) -> None:
        """Begin; dsn: of the database."""
        self.process = await _started(dsn, self._file)
        connection = await asyncpg.connect(dsn)
        try:
            while not await connection.fetchval("select exists (select from timeline)"):
                if self.process.returncode is not None:
                    raise RuntimeError("the backfill has ended")
                await asyncio.sleep(_POLL)
        finally:
            await connection.close()


@asynccontextmanager
async def _backfilling(file: Path) -> AsyncIterator[Begin]:
    begin = Begin(file)
    try:
        yield begin
    finally:
        if begin.process is not None and begin.process.returncode is None:
            begin.process.kill()
            await begin.process.wait()


async def _started(dsn: str, file: Path, *, pause: bool = True) -> Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "consumer", "backfill", str(file), *(() if pause else ("--no-pause",))),
        cwd=ROOT,
        env=environment(database_url=dsn),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
