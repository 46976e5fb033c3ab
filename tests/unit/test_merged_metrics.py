"""Merged metrics: several processes export what one would, and counters never fall."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram

from consumer.infra.telemetry.merged_metrics import MergedMetrics, snapshot
from consumer.infra.telemetry.metrics import Metrics
from tests.clock_by_hand import ClockByHand

_COUNTED = {"done_total", "took_count", "took_sum", 'took_bucket{le="1.0"}', "process_cpu_seconds_total"}


@pytest.fixture
def clock() -> ClockByHand:
    return ClockByHand()


def _series(exposition: bytes) -> dict[str, float]:
    """Return each series as it is written, with its value."""
    return {
        name: float(value)
        for name, _, value in (
            line.rpartition(" ") for line in exposition.decode().splitlines() if not line.startswith("#")
        )
    }


def _lines_of_the_service(exposition: bytes) -> list[str]:
    return [line for line in exposition.decode().splitlines() if "engagement_" in line]


def test_one_process_is_exported_as_it_is(clock: ClockByHand) -> None:
    """Names, types, labels and values are those that the process itself would serve."""
    metrics = Metrics()
    metrics.records.labels("deals", "applied").inc(3)
    metrics.lane_lag_seconds.labels("deals", "7").set(1.5)
    metrics.batch_seconds.labels("apply").observe(0.2)
    merged = MergedMetrics(clock)
    merged.update(1, snapshot(metrics.registry))
    assert _lines_of_the_service(merged.exposition()) == _lines_of_the_service(metrics.exposition())


def test_counters_and_histograms_add_up(clock: ClockByHand) -> None:
    """What two processes counted is one number, and so is each bucket, sum and count."""
    merged = MergedMetrics(clock)
    for number, (records, seconds) in enumerate([(3, 0.2), (4, 7.0)]):
        metrics = Metrics()
        metrics.records.labels("deals", "applied").inc(records)
        metrics.freshness_seconds.observe(seconds)
        merged.update(number, snapshot(metrics.registry))
    found = _series(merged.exposition())
    assert found['engagement_records_total{outcome="applied",topic="deals"}'] == 7
    assert found['engagement_freshness_seconds_bucket{le="0.25"}'] == 1
    assert found['engagement_freshness_seconds_bucket{le="+Inf"}'] == 2
    assert found["engagement_freshness_seconds_count"] == 2
    assert found["engagement_freshness_seconds_sum"] == pytest.approx(7.2)


def test_gauges_are_the_highest(clock: ClockByHand) -> None:
    """Lag, outbox and stops, which every process exports of the whole installation, are counted once."""
    merged = MergedMetrics(clock)
    for number, lag in enumerate([5, 9, 2]):
        metrics = Metrics()
        metrics.lane_lag_records.labels("deals", "0").set(lag)
        metrics.outbox_messages.set(4)
        merged.update(number, snapshot(metrics.registry))
    found = _series(merged.exposition())
    assert found['engagement_lane_lag_records{partition="0",topic="deals"}'] == 9
    assert found["engagement_outbox_messages"] == 4


def test_a_gauge_goes_with_the_process_that_exports_it(clock: ClockByHand) -> None:
    """The last lag of a process that has ended, or is frozen, does not stay for the lag of now."""
    merged = MergedMetrics(clock)
    metrics = Metrics()
    metrics.lane_lag_seconds.labels("deals", "0").set(900)
    metrics.records.labels("deals", "applied").inc()
    merged.update(1, snapshot(metrics.registry))
    lag = 'engagement_lane_lag_seconds{partition="0",topic="deals"}'
    records = 'engagement_records_total{outcome="applied",topic="deals"}'
    clock.seconds += 5
    assert _series(merged.exposition())[lag] == 900
    clock.seconds += 0.1
    assert lag not in _series(merged.exposition())
    assert _series(merged.exposition())[records] == 1
    merged.update(1, snapshot(metrics.registry))
    assert _series(merged.exposition())[lag] == 900
    merged.end(1)
    assert lag not in _series(merged.exposition())
    assert _series(merged.exposition())[records] == 1


def test_a_lane_that_is_no_longer_exported_has_no_gauge(clock: ClockByHand) -> None:
    """A gauge that a process has cleared is gone with its next snapshot."""
    merged = MergedMetrics(clock)
    metrics = Metrics()
    metrics.lane_lag_seconds.labels("deals", "0").set(900)
    merged.update(1, snapshot(metrics.registry))
    metrics.lane_lag_seconds.clear()
    merged.update(1, snapshot(metrics.registry))
    assert not [name for name in _series(merged.exposition()) if "lane_lag_seconds{" in name]


def test_the_processes_own_figures(clock: ClockByHand) -> None:
    """CPU, memory and files are those of all processes with the supervisor's; limits are not summed."""
    merged = MergedMetrics(clock)
    alone = _series(merged.exposition())
    assert "process_start_time_seconds" not in alone
    for number in (1, 2):
        merged.update(number, snapshot(Metrics().registry))
    found = _series(merged.exposition())
    # Each of the three snapshots is of this process.
    assert found["process_resident_memory_bytes"] > 2.5 * alone["process_resident_memory_bytes"]
    assert found["process_cpu_seconds_total"] > 2.5 * alone["process_cpu_seconds_total"]
    assert found["process_max_fds"] == alone["process_max_fds"]


def test_each_restart_changes_the_start_time_once(clock: ClockByHand) -> None:
    """The start is that of the youngest process, kept when it ends: the alert on restarts counts the changes."""
    merged = MergedMetrics(clock)

    def shown(process: int, started_at: float | None) -> float:
        if started_at is None:
            merged.end(process)
        else:
            families = [
                family
                for family in snapshot(Metrics().registry)
                if family.name == "process_start_time_seconds"
            ]
            [sample] = families[0].samples
            families[0].samples[:] = [type(sample)(sample.name, sample.labels, started_at)]
            merged.update(process, families)
        return _series(merged.exposition())["process_start_time_seconds"]

    moves = [(1, 100.0), (2, 101.0), (2, None), (2, 150.0), (1, None), (1, 170.0), (1, None), (1, 200.0)]
    assert [shown(*move) for move in moves] == [100, 101, 101, 150, 150, 170, 170, 200]


class _Counting:
    """A process that counts and times; its registry is small, so that many histories can be tried."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.counter = Counter("done", "Done", registry=self.registry)
        self.histogram = Histogram("took", "Took", buckets=(1,), registry=self.registry)


@given(
    st.lists(
        st.tuples(
            st.integers(1, 3),
            st.one_of(st.floats(0.001, 10), st.sampled_from(["report", "end", "silent"])),
        ),
        max_size=40,
    )
)
# Sums of floats depend on their order, which must not depend on who has ended: 0.1 + 0.1 + 0.4 > 0.4 + 0.1 + 0.1.
@example([(1, 0.1), (1, "report"), (2, 0.1), (2, "report"), (3, 0.4), (3, "report"), (3, "end")])
def test_counters_never_fall(events: list[tuple[int, float | str]]) -> None:
    """Whatever processes count, report and end: what is exported is what was reported, and never less."""
    clock = ClockByHand()
    merged = MergedMetrics(clock)
    running: dict[int, _Counting] = {}
    reported = dict.fromkeys((1, 2, 3), 0.0)
    ended = 0.0
    before: dict[str, float] = {}
    for process, event in events:
        counting = running.setdefault(process, _Counting())
        if isinstance(event, float):
            counting.counter.inc()
            counting.histogram.observe(event)
        elif event == "report":
            merged.update(process, snapshot(counting.registry))
            reported[process] = counting.registry.get_sample_value("done_total") or 0.0
        elif event == "end":
            merged.end(process)
            del running[process]
            ended += reported[process]
            reported[process] = 0.0
        else:
            clock.seconds += 100
        now = _series(merged.exposition())
        expected = ended + sum(reported.values())
        assert now.get("done_total", 0) == now.get("took_count", 0) == expected
        counted = {name: value for name, value in now.items() if name in _COUNTED}
        assert all(counted[name] >= value for name, value in before.items())
        before = counted
