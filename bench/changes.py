"""Changes of configuration beside sixteen pipelines at full load: how long they take, and what they cost the load.

The pipelines are one process's, fed from memory; half of the events are of one account, the others of a thousand.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import uvloop

from bench.hostile import HOSTILE, OTHERS, documents_of_others
from bench.path import pipeline, records_of
from bench.session import SEED, console
from bench.traffic import ACCOUNT, document, draw
from consumer.catalog import change
from consumer.infra import postgres
from consumer.infra.garbage import collect_garbage_rarely
from consumer.infra.telemetry import logs
from consumer.infra.telemetry.metrics import Metrics
from consumer.infra.telemetry.progress_bar import show_progress
from consumer.ingest.decode_records import decode_records
from consumer.ingest.stopwatch import Stopwatch
from tests.pipeline import service

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from multiprocessing.connection import Connection as Pipe

    from bench.servers import Servers
    from bench.session import Bench
    from bench.traffic import Sent
    from consumer.catalog.model.account import AccountCatalog
    from consumer.domain.model import Record
    from consumer.ingest.batch_processor import BatchProcessor

OUT = Path(__file__).parent / "out" / "changes.json"
_PIPELINES, _BATCH = 16, 2000
# Runs, each with the account that is renamed meanwhile, and the seconds between two times.
_RUNS = {
    "alone": None,
    "a quiet account, each second": (HOSTILE, 1.0),
    "the busiest, all the time": (ACCOUNT, 0.1),
}


async def changes(bench: Bench) -> None:
    """Rename accounts beside 16 pipelines at full load: milliseconds it takes, and the throughput that is left."""
    template = await _accounts(bench.servers)
    rates: dict[str, list[float]] = {name: [] for name in _RUNS}
    took: dict[str, list[float]] = {name: [] for name in _RUNS}
    for _ in range(bench.repeats):
        for name, renamed in _RUNS.items():
            rate, milliseconds = await _run(bench.servers, template, bench.events, renamed)
            rates[name].append(rate)
            took[name] += milliseconds
            console.print(f"  {name}: {rate:,.0f}/s, {len(milliseconds)} changes", style="dim")
    found = {}
    for name, of_run in rates.items():
        ratios = [rate / alone for rate, alone in zip(of_run, rates["alone"], strict=True)]
        found[name] = {"throughput": statistics.median(ratios), "ratios": ratios}
        if milliseconds := sorted(took[name]):
            found[name] |= {
                "changes": len(milliseconds),
                "p50_ms": statistics.median(milliseconds),
                "p99_ms": milliseconds[int(len(milliseconds) * 0.99)],
                "highest_ms": milliseconds[-1],
            }
            console.print(
                f"{name}: throughput {found[name]['throughput']:.2f}, a change p50 {found[name]['p50_ms']:.0f} ms, "
                f"p99 {found[name]['p99_ms']:.0f} ms, highest {milliseconds[-1]:.0f} ms"
            )
    bench.results["changes"] = found
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(
        json.dumps({"events": bench.events, "repeats": bench.repeats, "runs": found}, indent=2) + "\n"
    )
    await bench.servers.drop(template)


async def _accounts(servers: Servers) -> str:
    name = await servers.database()
    others = documents_of_others()
    with show_progress("accounts", len(others)) as progress:
        for number, other in enumerate(others):
            progress(number)
            await service.apply_document(servers.dsn(name), other)
    await service.apply_document(servers.dsn(name), {**document(), "account": HOSTILE, "name": HOSTILE})
    return name


async def _run(
    servers: Servers, template: str, events: int, renamed: tuple[str, float] | None
) -> tuple[float, list[float]]:
    """Let the pipelines take so many events through; return events per second, and how long each change took."""
    database = await servers.database(template)
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    pipelines = multiprocessing.get_context("spawn").Process(
        target=_take_through, args=(servers.dsn(database), events, theirs)
    )
    pipelines.start()
    try:
        await asyncio.to_thread(ours.recv)  # ready
        ours.send("go")
        renaming = asyncio.create_task(_keep_renaming(servers.dsn(database), *renamed)) if renamed else None
        seconds: float = await asyncio.to_thread(ours.recv)
        milliseconds: list[float] = []
        if renaming is not None:
            renaming.cancel()
            [milliseconds] = await asyncio.gather(renaming)
    finally:
        pipelines.join(60)
        pipelines.kill()
        await servers.drop(database)
    return events / seconds, milliseconds


async def _keep_renaming(dsn: str, account: str, every: float) -> list[float]:
    milliseconds: list[float] = []
    connection = await postgres.connect(dsn)
    try:
        while True:
            began = time.perf_counter()
            await change.change_catalog(connection, account, _renamed(f"{account} {began}"), by="bench")
            milliseconds.append(1000 * (time.perf_counter() - began))
            await asyncio.sleep(every)
    except asyncio.CancelledError:
        return milliseconds
    finally:
        connection.terminate()


def _renamed(name: str) -> change.Edit:
    def edit(account: AccountCatalog) -> AccountCatalog:
        assert account.settings is not None
        return replace(account, settings=replace(account.settings, name=name))

    return edit


# In the process of the pipelines ----------------------------------------------------------------------------------


def _take_through(dsn: str, events: int, pipe: Pipe) -> None:
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(_pipelines(dsn, events, pipe))


async def _pipelines(dsn: str, events: int, pipe: Pipe) -> None:
    logs.configure("error")
    collect_garbage_rarely()
    lanes: list[list[Sent]] = [[] for _ in range(_PIPELINES)]
    for sent in _spread(draw(SEED, events)):
        lanes[sent.partition].append(sent)
    fed = [list(records_of(sent)) for sent in lanes]
    processors = [await pipeline(dsn, records) for records in fed]
    pipe.send("ready")
    pipe.recv()
    began = time.perf_counter()
    await asyncio.gather(*map(_feed, processors, fed))
    pipe.send(time.perf_counter() - began)
    for processor in processors:
        processor.close()


def _spread(traffic: Iterator[Sent]) -> Iterator[Sent]:
    """Give every other event to one of a thousand accounts, and each contact to one lane of sixteen."""
    for sent in traffic:
        contact = int(sent.key.rpartition(b"-")[2])
        account = f"other-{contact % OTHERS}" if contact % 2 else ACCOUNT
        event: dict[str, Any] = {**sent.event, "accountid": account}
        yield replace(
            sent,
            topic="messages",
            partition=contact // 2 % _PIPELINES,
            value=msgspec.json.encode(event),
            event=event,
        )


async def _feed(processor: BatchProcessor, records: Sequence[Record]) -> None:
    metrics = Metrics()
    for start in range(0, len(records), _BATCH):
        watch = Stopwatch(metrics)
        await processor.commit_batch(await decode_records(records[start : start + _BATCH], watch), watch)
