"""What a committed batch leaves for operators: metrics, and one canonical log line. Runs after the commit only."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import structlog

from schemas.vocabulary import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from consumer.infra.clock import Clock
    from consumer.infra.telemetry.metrics import Metrics
    from consumer.ingest.apply import AppliedBatch
    from consumer.lanes.positions import Lane

log = structlog.get_logger(__name__)


def count_batch(metrics: Metrics, clock: Clock, applied: AppliedBatch) -> None:
    """Count a committed batch."""
    results = applied.results
    for (topic, outcome), number in Counter((one.record.topic, one.outcome) for one in results).items():
        metrics.records.labels(topic, outcome.value).inc(number)
    for one in results:
        if one.fault:
            metrics.dead_letters.labels(one.fault.reason.value).inc()
    for verdict in Verdict:
        metrics.verdicts.labels(verdict.value).inc(applied.verdicts[verdict])
    metrics.conflicting_duplicates.inc(applied.conflicting)
    metrics.batch_records.observe(len(results))
    now = clock.now().timestamp()
    timestamps = (one.record.timestamp for one in results)
    metrics.freshness_seconds.observe_all(
        [max(0.0, now - timestamp / 1000) for timestamp in timestamps if timestamp is not None]
    )


def log_batch(applied: AppliedBatch, lanes: Iterable[Lane], seconds: Mapping[str, float]) -> None:
    """Log the batch in one line, and one line for each lane that it stopped. seconds: spent by stage."""
    lanes = list(lanes)
    log.info(
        "batch",
        records=len(applied.results),
        lanes=len(lanes),
        **{
            outcome.value: number
            for outcome, number in Counter(one.outcome for one in applied.results).items()
        },
        entries=applied.verdicts.total(),
        flipped=applied.flipped,
        reversed=applied.reversed,
        messages=applied.messages,
        **{f"{stage}_ms": round(spent * 1000, 1) for stage, spent in seconds.items()},
    )
    for lane in lanes:
        if lane.stopped:
            log.error(
                "lane stopped",
                reason=lane.stopped,
                topic=lane.topic,
                partition=lane.partition,
                next_offset=lane.next_offset,
            )
