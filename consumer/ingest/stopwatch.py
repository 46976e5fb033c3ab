"""Times the stages of a batch."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.infra.telemetry.metrics import Metrics


@dataclass(slots=True)
class Stopwatch:
    """The seconds that a batch spent by stage (contracts.md, closed lists), repeats included."""

    metrics: Metrics
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time the body as one stage."""
        began = perf_counter()
        try:
            yield
        finally:
            self.add(name, perf_counter() - began)

    def add(self, name: str, seconds: float) -> None:
        """Add time spent in a stage."""
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds
        self.metrics.batch_seconds.labels(name).observe(seconds)
