"""Metrics: exactly the names and labels of the contract, each instance on its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from consumer.infra.telemetry.metrics import Metrics
from schemas.vocabulary import DeadLetterReason, Verdict

CONTRACTS = Path(__file__).parents[2] / "docs" / "contracts.md"


def test_names_and_labels_are_those_of_the_contract() -> None:
    """Every metric that contracts.md names exists with exactly its labels, and no other begins with our prefix."""
    section = CONTRACTS.read_text("utf-8").split("## Metrics")[1].split(":", 1)[1]
    wanted = {
        name: tuple(labels.strip("{}").split(",")) if labels else ()
        for name, labels in re.findall(r"`([a-z_]+)(\{[a-z,]+\})?`", section)
    }
    metrics = Metrics()
    found = {}
    for collector, names in metrics.registry._collector_to_names.items():
        if not hasattr(collector, "_labelnames"):
            continue
        name = min(names, key=len)
        counter = f"{name}_total" in names
        found[
            f"{name}_total".removeprefix("engagement_") if counter else name.removeprefix("engagement_")
        ] = collector._labelnames
    assert found == wanted


def test_closed_lists_are_there_from_the_first_scrape() -> None:
    """Each verdict and reason shows 0 before anything happened, so that the first one is a rise."""
    text = Metrics().exposition().decode()
    for verdict in Verdict:
        assert f'engagement_verdicts_total{{verdict="{verdict}"}} 0.0' in text
    for reason in DeadLetterReason:
        assert f'engagement_dead_letters_total{{reason="{reason}"}} 0.0' in text
    assert "_created" not in text
    assert list(text_string_to_metric_families(text))


@given(st.lists(st.sampled_from([0.0, 0.01, 0.010000001, 86_400.0]) | st.floats(0, 1e6)))
def test_amounts_of_a_batch_count_as_each_alone(amounts: list[float]) -> None:
    """A histogram that takes a batch at once shows what it shows after each amount by itself."""
    one, other = Metrics().freshness_seconds, Metrics().freshness_seconds
    one.observe_all(amounts)
    for amount in amounts:
        other.observe(amount)
    found, wanted = (next(iter(each.collect())).samples for each in (one, other))
    assert [(sample.name, sample.labels) for sample in found] == [
        (sample.name, sample.labels) for sample in wanted
    ]
    assert [sample.value for sample in found] == pytest.approx([sample.value for sample in wanted])


def test_instances_do_not_share() -> None:
    """Two instances count apart, and neither touches the library's global registry."""
    one, other = Metrics(), Metrics()
    one.records.labels(topic="deals", outcome="applied").inc()
    assert b'outcome="applied"' in one.exposition()
    assert b'outcome="applied"' not in other.exposition()
    assert REGISTRY.get_sample_value("engagement_lanes_unowned") is None
