"""The series that Prometheus has of our workers, and what is wrong with an expression that asks for them.

Compares expressions with consumer/infra/telemetry/metrics.py. Never reads rules or dashboards; their tests do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer.infra.telemetry.metrics import (
    CONNECTIONS_CLOSED,
    RELAY_RESULTS,
    SHARES,
    STAGES,
    TRACKER_CALLS,
    TRACKER_RESULTS,
    Metrics,
)
from schemas.vocabulary import INPUT_TOPICS, DeadLetterReason, LaneStop, Outcome, RetryReason, Verdict
from tests.promql import read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.promql import Use

# What Prometheus adds to whatever it scrapes, and what it knows by itself.
_TARGET = frozenset({"job", "instance"})
_OWN = {
    "up": _TARGET,
    "ALERTS": frozenset({"alertname", "alertstate", "severity"}),
}
_SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
_VALUES: dict[tuple[str, str], frozenset[str]] = {
    ("engagement_records_total", "outcome"): frozenset(Outcome),
    ("engagement_records_total", "topic"): frozenset(INPUT_TOPICS),
    ("engagement_verdicts_total", "verdict"): frozenset(Verdict),
    ("engagement_dead_letters_total", "reason"): frozenset(DeadLetterReason),
    ("engagement_database_retries_total", "reason"): frozenset(RetryReason),
    ("engagement_lane_stopped", "reason"): frozenset(LaneStop),
    ("engagement_relay_transactions_total", "result"): frozenset(RELAY_RESULTS),
    ("engagement_http_connections_closed_total", "reason"): frozenset(CONNECTIONS_CLOSED),
    ("engagement_http_throttled_total", "share"): frozenset(SHARES),
    ("engagement_tracker_requests_total", "call"): frozenset(TRACKER_CALLS),
    ("engagement_tracker_requests_total", "result"): frozenset(TRACKER_RESULTS),
    ("engagement_tracker_events_total", "result"): frozenset(TRACKER_RESULTS),
    **{(f"engagement_batch_seconds{end}", "stage"): frozenset(STAGES) for end in _SUFFIXES["histogram"]},
}
_OF_A_COUNTER = {"rate", "increase"}
_OF_A_GAUGE_OF_ALL = {"max", "absent"}


@dataclass(frozen=True, slots=True)
class Series:
    """A series by its name. rises: a counter or a part of a histogram, which begins anew with its worker."""

    labels: frozenset[str]
    rises: bool = False


def measured() -> dict[str, Series]:
    """Return every series of a worker as Prometheus keeps it, by name."""
    registry = Metrics().registry
    series = {name: Series(labels) for name, labels in _OWN.items()}
    for family in registry.collect():
        collector = registry._names_to_collectors.get(family.name)
        labels = _TARGET | frozenset(getattr(collector, "_labelnames", ()))
        for suffix in _SUFFIXES.get(family.type, ("",)):
            more = {"le"} if suffix == "_bucket" else set()
            series[family.name + suffix] = Series(labels | more, rises=suffix != "")
    return series


def faults(expression: str, recorded: Mapping[str, frozenset[str]] | None = None) -> list[str]:
    """Return what is wrong with an expression, nothing for a good one.

    recorded: the labels of what recording rules make, by its name.
    """
    known = measured() | {name: Series(labels) for name, labels in (recorded or {}).items()}
    reading = read(expression)
    found = [fault for use in reading.uses for fault in _faults(use, known)]
    everything = {label for use in reading.uses if use.series in known for label in known[use.series].labels}
    found += [f"no side has the label {label}" for label in sorted(reading.joined - everything)]
    return found


def _faults(use: Use, known: Mapping[str, Series]) -> list[str]:
    if use.series not in known:
        return [f"{use.series} does not exist"]
    series = known[use.series]
    asked = {label for label, _, _ in use.matchers} | {label for call in use.calls for label in call.by}
    found = [f"{use.series} has no label {label}" for label in sorted(asked - series.labels)]
    for label, operator, value in use.matchers:
        values = _VALUES.get((use.series, label))
        # A Grafana variable or a pattern matches any value.
        if values and operator in {"=", "!="} and value not in values:
            found.append(f"{label} of {use.series} is never {value}")
    innermost = use.calls[-1].name if use.calls else None
    if series.rises and innermost not in _OF_A_COUNTER:
        found.append(f"{use.series} begins anew with its worker: take its rate or increase first")
    if _gauge_of_all(use.series, series):
        if innermost not in _OF_A_GAUGE_OF_ALL:
            found.append(f"every worker exports {use.series} for all: take the max first")
        elif len(use.calls) > 1 and series.labels - _TARGET - set(use.calls[-1].by):
            found.append(
                f"the max of {use.series} that is worked on loses its lanes: take it by their labels"
            )
    return found


def _gauge_of_all(name: str, series: Series) -> bool:
    return name.startswith("engagement_") and not series.rises
