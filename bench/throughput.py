"""Events per second: the worker beside the floor and the plain consumer, and a long run beside a short one."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from rich.table import Table

from bench import references
from bench.figures import summary
from bench.session import console, show
from bench.traffic import USUAL, Shape
from consumer.infra.telemetry.progress_bar import show_progress

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.figures import Figures
    from bench.session import Bench, Laid

_LONGER = 4


async def ratio(bench: Bench) -> None:
    """Events per second of the worker beside the floor and the plain consumer, in turn; what each one spends."""
    laid = await bench.laid("ratio")
    floors, plains, workers = [], [], []
    for _ in range(bench.repeats):
        floors.append(await references.floor(bench.servers, laid.prefix))
        plains.append(await references.plain(bench.servers, laid.prefix, laid.plain))
        workers.append(await bench.worker(laid))
        console.print(
            f"  floor {floors[-1].rate:,.0f}/s, plain {plains[-1].rate:,.0f}/s, worker {workers[-1].rate:,.0f}/s",
            style="dim",
        )
    keyed = await references.floor(bench.servers, laid.prefix, with_key=True)
    to_floor, to_plain = _ratios(workers, floors), _ratios(workers, plains)
    show("floor: consume, decode, COPY", "events/s", [run.rate for run in floors])
    show("plain: written by hand, no outbox, no verdicts", "events/s", [run.rate for run in plains])
    show("worker: everything, exactly once", "events/s", [run.rate for run in workers])
    show("worker to floor, run by run", "", to_floor, 3)
    show("worker to plain, run by run", "", to_plain, 3)
    _show_spent({"floor": floors, "plain": plains, "worker": workers})
    console.print(f"rows written: floor {floors[0].rows:,}, worker {workers[0].rows:,} (equal, same topics)")
    console.print(f"floor with the timeline's primary key: {keyed.rate:,.0f} events/s")
    rss = bench.note_memory(max(run.rss for run in workers))
    console.print(f"memory of a worker process at most: {rss:.0f} MiB")
    _show_lag("worker", workers)
    if len({run.rows for run in (floors[0], plains[0], workers[0])}) > 1:
        raise RuntimeError("floor, plain consumer and worker wrote different numbers of rows")
    bench.results |= {
        "ratio_to_floor": statistics.median(to_floor),
        "ratio_to_plain": statistics.median(to_plain),
        **summary(workers),
        "publish_lag_seconds": statistics.median(run.publish_lag for run in workers),
        "rows": workers[0].rows,
        "floor": {**summary(floors), "with_key_events_per_second": keyed.rate},
        "plain": summary(plains),
    }


async def long(bench: Bench) -> None:
    """Events per second of a worker over four times as many events, beside the usual number, in turn."""
    short = await bench.laid("ratio")
    longer = await bench.laid("long", Shape(spread=_LONGER * USUAL.spread), _LONGER * bench.events)
    shorts, longs = [], []
    for _ in range(bench.repeats):
        shorts.append(await _with_progress(bench, "short", short))
        longs.append(await _with_progress(bench, "long", longer))
        console.print(f"  short {shorts[-1].rate:,.0f}/s, long {longs[-1].rate:,.0f}/s", style="dim")
    ratios = _ratios(longs, shorts)
    show(f"{longer.records:,} events, of the throughput with {short.records:,}", "", ratios, 3)
    _show_spent({f"{short.records:,}": shorts, f"{longer.records:,}": longs})
    for name, figures in (("short", shorts), ("long", longs)):
        _show_lag(name, figures)
    bench.note_memory(max(run.rss for run in longs))
    bench.results["long"] = {"ratio": statistics.median(ratios), "events": longer.records, **summary(longs)}


async def _with_progress(bench: Bench, name: str, laid: Laid) -> Figures:
    with show_progress(name, laid.records) as progress:
        return await bench.worker(laid, progress=progress)


def _ratios(runs_of: Sequence[Figures], others: Sequence[Figures]) -> list[float]:
    return [one.rate / other.rate for one, other in zip(runs_of, others, strict=True)]


def _show_lag(name: str, figures: Sequence[Figures]) -> None:
    """Print how far publishing was behind the commits at the end: a lag that grows with the run is its limit."""
    lags = ", ".join(f"{run.publish_lag:.1f}" for run in figures)
    console.print(f"{name}: seconds from the last commit until everything was published: {lags}")


def _show_spent(contenders: Mapping[str, Sequence[Figures]]) -> None:
    """Print what each spends: CPU milliseconds per 1,000 events, and bytes per event."""
    table = Table(box=None, title="CPU ms per 1,000 events, and bytes per event", title_justify="left")
    table.add_column("")
    for column in ("own", "PostgreSQL", "Kafka", "WAL", "stored"):
        table.add_column(column, justify="right")
    for name, figures in contenders.items():
        medians = summary(figures)
        spent = [f"{milliseconds:.0f}" for milliseconds in medians["cpu_ms_per_1000_events"].values()]
        written = [f"{medians[each]:,.0f}" for each in ("wal_bytes_per_event", "stored_bytes_per_event")]
        table.add_row(name, *spent, *written)
    console.print(table)
