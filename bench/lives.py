"""Purges, deletions and joins of many contacts beside live traffic: how long its batches take meanwhile.

One process feeds a pipeline from memory at a steady rate, another does what a worker does beside pipelines.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import multiprocessing
import os
import statistics
import time
from collections import defaultdict
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import uvloop

from bench.filled import filled
from bench.path import pipeline, records_of
from bench.session import SEED, console, listed
from bench.traffic import draw
from consumer.contact_state.identity_facts import DeletionFact, JoinFact, record_deletions, record_joins
from consumer.infra import postgres
from consumer.infra.clock import SystemClock
from consumer.infra.garbage import collect_garbage_rarely
from consumer.infra.telemetry import logs
from consumer.infra.telemetry.metrics import Metrics
from consumer.ingest.decode_records import decode_records
from consumer.ingest.stopwatch import Stopwatch
from consumer.worker.background_jobs import BackgroundJobs
from consumer.worker.due_purges import DuePurges
from consumer.worker.identity_jobs import IdentityJobs
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from multiprocessing.connection import Connection as Pipe

    from bench.session import Bench
    from consumer.infra.postgres.connection import Connection

OUT = Path(__file__).parent / "out" / "lives.json"
# Events per second, and in one batch.
_RATE, _BATCH = 2000, 100
_ALONE = 10.0
# Stored entries for each event that the measure is asked for: 5,000,000 by default.
_STORED = 20
_CONTACTS = 10_000
# Facts that come in one transaction: the contacts that they name are locked meanwhile.
_AT_ONCE = 50
# Seconds.
_PATIENCE = 1800


async def lives(bench: Bench) -> None:
    """Purge 20 times as many entries as --events, delete and join 10,000 contacts beside 2,000 events/s."""
    stored = _STORED * bench.events
    console.print(f"storing {stored:,} rows …", style="dim")
    template = await filled(bench.servers, stored)
    found = {}
    for name, act in {"purge": _purge, "deletions": _delete, "joins": _join}.items():
        runs = []
        for _ in range(bench.repeats):
            database = await bench.servers.database(template)
            runs.append(await _beside(bench.servers.dsn(database), act))
            await bench.servers.drop(database)
            console.print(
                f"  {name}: {runs[-1].seconds:.1f} s; batches alone {listed(runs[-1].alone)}; "
                f"beside {listed(runs[-1].beside)} ms",
                style="dim",
            )
        ratio = statistics.median(run.beside["p99"] / run.alone["p99"] for run in runs)
        console.print(f"{name}: p99 of batches beside it {ratio:.2f} of p99 alone")
        found[name] = {"p99_ratio": ratio, "runs": [asdict(run) for run in runs]}
    bench.results["lives"] = {name: one["p99_ratio"] for name, one in found.items()}
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps({"stored": stored, "contacts": _CONTACTS, **found}, indent=2) + "\n")
    await bench.servers.drop(template)


@dataclass(frozen=True, slots=True)
class Run:
    """seconds: until all was done. alone, beside: of batches, milliseconds."""

    seconds: float
    alone: dict[str, float]
    beside: dict[str, float]


async def _beside(dsn: str, act: Callable[[Connection], Awaitable[str]]) -> Run:
    """Feed for a while, act, and go on until a query says that it is done."""
    spawn = multiprocessing.get_context("spawn")
    # Else what copying the database has left for the system to write disturbs one part of the run, or the other.
    await asyncio.to_thread(os.sync)
    ours, theirs = spawn.Pipe()
    feeding = spawn.Process(target=_in_loop, args=(_feed, dsn, theirs))
    working = spawn.Process(target=_in_loop, args=(_work, dsn, None))
    feeding.start()
    working.start()
    connection = await postgres.connect(dsn)
    try:
        await asyncio.to_thread(ours.recv)  # warm
        ours.send("alone")
        await asyncio.sleep(_ALONE)
        ours.send("beside")
        began = time.perf_counter()
        done = await act(connection)
        await eventually(lambda: connection.fetchval(done), within=_PATIENCE, every=0.1, what="all done")
        seconds = time.perf_counter() - began
        ours.send("done")
        took: dict[str, list[float]] = await asyncio.to_thread(ours.recv)
    finally:
        connection.terminate()
        for process in (feeding, working):
            process.kill()
    return Run(seconds, _summary(sorted(took["alone"])), _summary(sorted(took["beside"])))


def _summary(milliseconds: list[float]) -> dict[str, float]:
    return {
        "batches": len(milliseconds),
        "p50": statistics.median(milliseconds),
        "p99": milliseconds[int(len(milliseconds) * 0.99)],
        "longest": milliseconds[-1],
    }


Item = TypeVar("Item")


def _chunks(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


# What is done ---------------------------------------------------------------------------------------------------


async def _purge(connection: Connection) -> str:
    await connection.execute("update accounts set retention_seconds = 5 * 86400")
    return "select exists (select from purges where ended_at is not null)"


async def _delete(connection: Connection) -> str:
    now = datetime.now(UTC)
    rows = await connection.fetch("select id from contacts order by md5(id::text) limit $1", _CONTACTS)
    for number, some in enumerate(_chunks([row["id"] for row in rows], _AT_ONCE)):
        facts = [DeletionFact(one, now, f"{number:04}{place:012}".encode()) for place, one in enumerate(some)]
        await record_deletions(connection, facts)
    return "select not exists (select from identity_work)"


async def _join(connection: Connection) -> str:
    now = datetime.now(UTC)
    rows = await connection.fetch("select id from contacts order by md5(id::text) limit $1", _CONTACTS)
    for number, some in enumerate(_chunks([row["id"] for row in rows], _AT_ONCE)):
        facts = [
            JoinFact(contact, into, "merged", now, f"{number:04}{place:012}".encode())
            for place, (contact, into) in enumerate(_chunks(some, 2))
        ]
        await record_joins(connection, facts)
    return "select not exists (select from identity_work)"


# In processes of their own ----------------------------------------------------------------------------------------


def _in_loop(run: Callable[[str, Pipe | None], Awaitable[None]], dsn: str, pipe: Pipe | None) -> None:
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    logs.configure("error")
    collect_garbage_rarely()

    async def main() -> None:
        await run(dsn, pipe)

    asyncio.run(main())


async def _work(dsn: str, _pipe: Pipe | None) -> None:
    """Do what a worker does beside its pipelines."""
    stopping = asyncio.Event()

    async def connect() -> Connection:
        return await postgres.connect(dsn)

    await asyncio.gather(
        BackgroundJobs(connect, clock=SystemClock()).run(stopping),
        DuePurges(connect, every=1.0).run(stopping),
        IdentityJobs(connect, clock=SystemClock()).run(stopping),
    )


async def _feed(dsn: str, pipe: Pipe | None) -> None:
    """Take batches through at the rate until all is done; one that is late begins at once, and its delay counts."""
    assert pipe is not None
    took: defaultdict[str, list[float]] = defaultdict(list)
    records = records_of(draw(SEED, _RATE * _PATIENCE))
    first = list(itertools.islice(records, _RATE))
    with closing(await pipeline(dsn, first)) as processor:
        phase = "warming"
        due = time.perf_counter()
        for number in itertools.count():
            batch = first[:_BATCH] or list(itertools.islice(records, _BATCH))
            del first[:_BATCH]
            if number == _RATE // _BATCH:
                pipe.send("warm")
            while pipe.poll():
                phase = pipe.recv()
            if phase == "done":
                break
            await asyncio.sleep(due - time.perf_counter())
            watch = Stopwatch(Metrics())
            await processor.commit_batch(await decode_records(batch, watch), watch)
            took[phase].append(1000 * (time.perf_counter() - due))
            due += _BATCH / _RATE
    pipe.send({name: took[name] for name in ("alone", "beside")})
