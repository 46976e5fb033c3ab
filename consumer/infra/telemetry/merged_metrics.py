"""Merges the metrics of several processes, so that Prometheus sees one worker (docs/decisions/0020).

Counters and histograms are summed, and keep what ended processes counted: they never fall. Gauges have the highest
value of all processes, as rules and dashboards take it over workers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from consumer.infra.clock import Clock

# Seconds for which the gauges of a process are exported after its last snapshot: the lag that a frozen process saw
# last must not hide the lag of now.
_GAUGES_FOR = 5.0
_SUMMED_TYPES = ("counter", "histogram")
# Gauges that add up over processes.
_SUMMED_GAUGES = (
    "engagement_pipelines_reading",
    "process_resident_memory_bytes",
    "process_virtual_memory_bytes",
    "process_open_fds",
)
# The start of the youngest process, kept after its end: the alert on restarts counts how often it changes.
_START_TIME = "process_start_time_seconds"

Labels = tuple[tuple[str, str], ...]


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """One series and its value."""

    name: str
    labels: Labels
    value: float


class Family(msgspec.Struct, frozen=True, array_like=True):
    """All series of one metric. type: as Prometheus names it, 'counter', 'gauge' or 'histogram'."""

    name: str
    documentation: str
    type: str
    samples: list[Sample]


def snapshot(registry: CollectorRegistry) -> list[Family]:
    """Return the present values of all metrics of a registry."""
    return [
        Family(
            metric.name,
            metric.documentation,
            metric.type,
            [Sample(one.name, tuple(one.labels.items()), one.value) for one in metric.samples],
        )
        for metric in registry.collect()
    ]


class MergedMetrics(Collector):
    """The metrics of some processes as one; this process adds its own CPU, memory and files to them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # By the number of the process: what its predecessors counted, and that with its last snapshot.
        self._counted: dict[int, list[Family]] = {}
        self._exported: dict[int, list[Family]] = {}
        self._updated_at: dict[int, float] = {}
        self._own = CollectorRegistry()
        ProcessCollector(registry=self._own)
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def update(self, number: int, families: list[Family]) -> None:
        """Replace what a process exports by a snapshot of now."""
        self._exported[number] = _merge([*self._counted.get(number, []), *families])
        self._updated_at[number] = self._clock.monotonic()

    def end(self, number: int) -> None:
        """Take note that a process has ended; the next one of its number goes on counting from there."""
        self._counted[number] = self._exported[number] = _lasting(self._exported.get(number, []))

    def exposition(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self._registry)

    def describe(self) -> Collection[Metric]:
        """Return nothing: the names are not known before the first snapshot."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield each metric, merged."""
        now = self._clock.monotonic()
        families = [family for family in snapshot(self._own) if family.name != _START_TIME]
        # Always in the same order: sums of floats depend on it, and a counter must not fall by a rounding.
        for number, exported in sorted(self._exported.items()):
            fresh = now - self._updated_at.get(number, float("-inf")) <= _GAUGES_FOR
            families += exported if fresh else _lasting(exported)
        for family in _merge(families):
            metric = Metric(family.name, family.documentation, family.type)
            for sample in family.samples:
                metric.add_sample(sample.name, dict(sample.labels), sample.value)
            yield metric


def _lasting(families: list[Family]) -> list[Family]:
    """Return what remains true of a process that has ended."""
    return [family for family in families if family.type in _SUMMED_TYPES or family.name == _START_TIME]


def _merge(families: list[Family]) -> list[Family]:
    """Return one family for each name, with one sample for each series."""
    values: dict[str, dict[tuple[str, Labels], float]] = {}
    for family in families:
        merged = values.setdefault(family.name, {})
        summed = family.type in _SUMMED_TYPES or family.name in _SUMMED_GAUGES
        for one in family.samples:
            series = one.name, one.labels
            if series in merged:
                merged[series] = merged[series] + one.value if summed else max(merged[series], one.value)
            else:
                merged[series] = one.value
    described = {family.name: family for family in families}
    return [
        Family(
            name,
            described[name].documentation,
            described[name].type,
            [Sample(*series, value) for series, value in merged.items()],
        )
        for name, merged in values.items()
    ]
