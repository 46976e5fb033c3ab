"""The path alone: records from memory through one connection to their commits, without Kafka or relay.

Owns where the time of an event goes, by stage and by who spends it. Never says how fast a worker is: runs.py does.
"""

from __future__ import annotations

import itertools
import time
from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from consumer.domain.model import Record
from consumer.infra import postgres
from consumer.infra.clock import SystemClock
from consumer.infra.garbage import collect_garbage_rarely
from consumer.infra.telemetry import logs
from consumer.infra.telemetry.metrics import Metrics
from consumer.ingest.batch_processor import BatchProcessor
from consumer.ingest.decode_records import decode_records
from consumer.ingest.held_lanes import HeldLanes
from consumer.ingest.ignored_events import IgnoredEvents
from consumer.ingest.stopwatch import Stopwatch
from consumer.ingest.unmatched_inbox import UnmatchedInbox
from tests.builders.lanes import take_lanes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bench.runs import Prepare
    from bench.servers import Servers
    from bench.traffic import Sent

STAGES = ("decode", "match", "contacts", "apply", "commit")
_HEADERS = (("content-type", b"application/cloudevents+json"),)


@dataclass(frozen=True, slots=True)
class Spent:
    """Microseconds per event. stages: of wall time; python, postgres: of CPU."""

    wall: float
    python: float
    postgres: float
    stages: dict[str, float]


async def pipeline(dsn: str, records: Sequence[Record], metrics: Metrics | None = None) -> BatchProcessor:
    """Return what takes batches to commits, with all lanes of these records."""
    lanes, clock = HeldLanes(), SystemClock()
    connection = await postgres.connect(dsn)
    lanes.hold(await take_lanes(connection, {(one.topic, one.partition): 0 for one in records}))
    await connection.close()
    return BatchProcessor(
        lambda: postgres.connect(dsn),
        lanes,
        metrics=metrics or Metrics(),
        inbox=UnmatchedInbox(clock),
        ignored=IgnoredEvents(clock),
        claim_window=timedelta(days=90),
        clock=clock,
    )


async def path(
    servers: Servers, sent: Iterable[Sent], *, together: int, prepare: Prepare | None = None
) -> Spent:
    """Take the records through in batches of so many, into a database of their own; prepare: done to it before."""
    logs.configure("error")
    database = await servers.database()
    dsn = servers.dsn(database)
    if prepare:
        await prepare(dsn)
    metrics = Metrics()
    records = list(records_of(sent))
    processor = await pipeline(dsn, records, metrics)

    async def process(batch: Sequence[Record]) -> None:
        watch = Stopwatch(metrics)
        await processor.commit_batch(await decode_records(batch, watch), watch)

    collect_garbage_rarely()
    # The first batch plans the statements and makes the months.
    await process(records[:together])
    measured = records[together:]
    before = _stages(metrics)
    python, database_cpu, wall = time.process_time(), servers.cpu()[0], time.perf_counter()
    for start in range(0, len(measured), together):
        await process(measured[start : start + together])
    wall, python = time.perf_counter() - wall, time.process_time() - python
    database_cpu = servers.cpu()[0] - database_cpu
    after = _stages(metrics)
    processor.close()
    await servers.drop(database)
    each = 1e6 / len(measured)
    stages = {name: (after[name] - before[name]) * each for name in STAGES}
    return Spent(wall * each, python * each, database_cpu * each, stages)


def records_of(sent: Iterable[Sent]) -> Iterator[Record]:
    """Yield them as a consumer would, each with the next offset of its lane."""
    offsets: defaultdict[tuple[str, int], itertools.count[int]] = defaultdict(itertools.count)
    for one in sent:
        offset = next(offsets[one.topic, one.partition])
        yield Record(one.topic, one.partition, offset, one.timestamp, one.key, one.value, _HEADERS)


def _stages(metrics: Metrics) -> dict[str, float]:
    value = metrics.registry.get_sample_value
    return {name: value("engagement_batch_seconds_sum", {"stage": name}) or 0.0 for name in STAGES}
