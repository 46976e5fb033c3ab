"""What a committed batch leaves behind for operators: metrics, and one canonical line in the log.

Owns counting what became of records. Never decides it, and never runs before the commit.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from schemas.names import DeadLetterReason, Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from consumer.domain.model import Record
    from consumer.infra.clock import Clock
    from consumer.infra.telemetry.metrics import Metrics
    from consumer.lanes.positions import Lane

log = structlog.get_logger(__name__)


class Handled(msgspec.Struct, frozen=True, gc=False):
    """A record and what became of it, with the reason of a dead one."""

    record: Record
    outcome: Outcome
    reason: DeadLetterReason | None = None


@dataclass(slots=True)
class Stopwatch:
    """The seconds that a batch spent by stage, repeats included."""

    metrics: Metrics
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what happens inside as one stage (contracts.md, closed lists)."""
        began = perf_counter()
        try:
            yield
        finally:
            self.spent(name, perf_counter() - began)

    def spent(self, name: str, seconds: float) -> None:
        """Note what a stage took."""
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds
        self.metrics.batch_seconds.labels(name).observe(seconds)


def count(
    metrics: Metrics, clock: Clock, handled: Sequence[Handled], counts: Mapping[str, Any], conflicting: int
) -> None:
    """Count a committed batch. counts: the row that apply.sql returned."""
    for (topic, outcome), number in Counter((one.record.topic, one.outcome) for one in handled).items():
        metrics.records.labels(topic, outcome.value).inc(number)
    for one in handled:
        if one.reason:
            metrics.dead_letters.labels(one.reason.value).inc()
    for verdict in Verdict:
        metrics.verdicts.labels(verdict.value).inc(counts[verdict.value])
    metrics.conflicting_duplicates.inc(conflicting)
    metrics.batch_records.observe(len(handled))
    now = clock.now().timestamp()
    for one in handled:
        if one.record.timestamp is not None:
            metrics.freshness_seconds.observe(max(0.0, now - one.record.timestamp / 1000))


def tell(
    handled: Sequence[Handled], counts: Mapping[str, Any], lanes: Sequence[Lane], seconds: Mapping[str, float]
) -> None:
    """Log the batch in one line, and by another each lane that it stopped."""
    log.info(
        "batch",
        records=len(handled),
        lanes=len(lanes),
        **{outcome.value: number for outcome, number in Counter(one.outcome for one in handled).items()},
        entries=counts["entries"],
        flipped=counts["flipped"],
        reversed=counts["reversed"],
        messages=counts["messages"],
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
