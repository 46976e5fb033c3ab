"""Alerts fire when they should, and rules, runbook and their commands name only what exists.

test_dashboard.py checks the dashboard and the wiring of Prometheus and Grafana.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML

from consumer.__main__ import parser
from tests.metric_series import faults

if TYPE_CHECKING:
    from collections.abc import Callable

_ROOT = Path(__file__).parents[2]
_PROMETHEUS = _ROOT / "ops" / "prometheus"
_RULES = (_PROMETHEUS / "rules.yml").read_text("utf-8")
_RUNBOOK = (_ROOT / "docs" / "operations.md").read_text("utf-8")


def _rules(kind: str) -> dict[str, dict[str, Any]]:
    groups = YAML(typ="safe").load(_RULES)["groups"]
    return {rule[kind]: rule for group in groups for rule in group["rules"] if kind in rule}


_ALERTS = _rules("alert")
_RECORDED = _rules("record")
# A recording rule keeps the labels of its outermost aggregation.
_LABELS = {
    name: frozenset(re.match(r"\w+ by \(([^)]*)\)", rule["expr"])[1].split(", "))  # type: ignore[index]
    for name, rule in _RECORDED.items()
}


# Names ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*_RECORDED, *_ALERTS])
def test_a_rule_asks_for_what_exists(name: str) -> None:
    """A rule uses series, labels and values that workers export, and aggregates them correctly."""
    rule = _ALERTS.get(name) or _RECORDED[name]
    assert faults(rule["expr"], _LABELS) == []


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ("max(engagement_lane_drag_seconds) > 1", "engagement_lane_drag_seconds does not exist"),
        ("max(engagement:lane_lag:max) > 1", "engagement:lane_lag:max does not exist"),
        ("sum(rate(engagement_records[5m]))", "engagement_records does not exist"),
        ("sum by (lane) (rate(engagement_records_total[5m]))", "engagement_records_total has no label lane"),
        ('max(engagement_lanes_unowned{topic="deals"})', "engagement_lanes_unowned has no label topic"),
        (
            "sum by (le) (rate(engagement_publish_seconds_sum[5m]))",
            "engagement_publish_seconds_sum has no label le",
        ),
        (
            'sum(rate(engagement_records_total{outcome="lost"}[5m]))',
            "outcome of engagement_records_total is never lost",
        ),
        ("up == 0 and on (contact) up", "no side has the label contact"),
        (
            "sum by (topic) (engagement_lane_lag_records)",
            "every worker exports engagement_lane_lag_records for all: take the max first",
        ),
        (
            "sum(max by (topic) (engagement_lane_lag_records))",
            "the max of engagement_lane_lag_records that is worked on loses its lanes: take it by their labels",
        ),
        (
            "sum(engagement_lane_fenced_total) > 5",
            "engagement_lane_fenced_total begins anew with its worker: take its rate or increase first",
        ),
    ],
)
def test_what_does_not_exist_is_noticed(expression: str, fault: str) -> None:
    """An expression with one thing wrong has exactly this fault; the test above could fail."""
    assert faults(expression, _LABELS) == [fault]


def test_an_expression_that_cannot_be_read_is_refused() -> None:
    """An expression that the reader does not understand is an error, never an expression without faults."""
    for expression in ("sum(rate(x_total[5m])) by (topic)", "max(x", "max(x))", "x ? y"):
        with pytest.raises(ValueError, match=r"understood|expected|between"):
            faults(expression)


# The runbook ------------------------------------------------------------------------------------------------


def test_each_alert_has_its_section() -> None:
    """Alerts and sections of the runbook are the same, in the same order, each with its three parts."""
    sections = dict(re.findall(r"^### (\w+)\n(.*?)(?=^### |\Z)", _RUNBOOK, re.MULTILINE | re.DOTALL))
    assert list(sections) == list(_ALERTS)
    for name, text in sections.items():
        parts = re.findall(r"^\*\*(\w+(?: at)?)\*\*", text, re.MULTILINE)
        assert parts == ["Means", "Look at", "Do"], name


@pytest.mark.parametrize("name", _ALERTS)
def test_an_alert_says_what_to_do(name: str) -> None:
    """An alert has a severity, a summary, a description, a command to begin with, and its own section."""
    alert = _ALERTS[name]
    assert alert["labels"]["severity"] in {"critical", "warning"}
    assert set(alert["annotations"]) == {"summary", "description", "command", "runbook"}
    assert alert["annotations"]["runbook"] == f"docs/operations.md#{name.lower()}"
    assert alert["annotations"]["command"].startswith("engagement ")


def _commands() -> set[str]:
    annotated = {alert["annotations"]["command"] for alert in _ALERTS.values()}
    blocks = re.findall(r"^ {4,}(engagement .+?)(?: +#.*)?$", _RUNBOOK, re.MULTILINE)
    inline = re.findall(r"`(engagement [^`]+)`", _RUNBOOK)
    return {command.replace("{{ $labels.topic }}", "deals") for command in {*annotated, *blocks, *inline}}


@pytest.mark.parametrize("command", sorted(_commands()))
def test_each_command_that_is_named_exists(command: str) -> None:
    """The program takes every command of alerts and runbook with exactly these words."""
    parser().parse_args(shlex.split(command)[1:])  # wrong usage exits


# promtool ---------------------------------------------------------------------------------------------------


def test_prometheus_takes_its_configuration(promtool: str) -> None:
    """Configuration and rules are valid to promtool, without a warning."""
    for words in (
        ("check", "config", "--lint=all", "--lint-fatal", "prometheus.yml"),
        ("check", "rules", "--lint=all", "--lint-fatal", "rules.yml"),
    ):
        done = subprocess.run(
            [promtool, *words], cwd=_PROMETHEUS, capture_output=True, check=False, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_fires_when_it_should_and_only_then(promtool: str, tmp_path: Path) -> None:
    """All cases of ops/prometheus/tests hold."""
    assert _failing(promtool, _RULES, tmp_path) == set()


def _never(rules: str) -> str:
    expression = re.compile(r"(- alert: \w+\n +expr: )(.*?)(\n +(?:for|labels):)", re.DOTALL)
    return expression.sub(r"\1vector(0) > 1\3", rules)


def _always(rules: str) -> str:
    without_waiting = re.sub(r"^ +for: .*\n", "", rules, flags=re.MULTILINE)
    return _never(without_waiting).replace("vector(0) > 1", "vector(1)")


def _added_up(rules: str) -> str:
    return rules.replace("expr: max", "expr: sum")


def _restarts_not_seen(rules: str) -> str:
    return re.sub(r"\b(rate|increase)\(", "delta(", rules)


def _all(*names: str, fires: bool) -> set[tuple[str, bool]]:
    return {(name, fires) for name in names}


@pytest.mark.parametrize(
    ("broken", "noticed"),
    [
        (_never, _all(*_ALERTS, fires=True)),
        (_always, _all(*_ALERTS, fires=False)),
        (
            _added_up,
            {
                *_all("EngagementLaneStalled", "EngagementLaneLagging", "EngagementLanesUnowned", fires=True),
                *_all("EngagementOutboxAge", fires=False),
            },
        ),
        (
            _restarts_not_seen,
            _all(
                "EngagementFenced",
                "EngagementFreshness",
                "EngagementDeadLetters",
                "EngagementDeadLetterShare",
                "EngagementDatabaseRetries",
                "EngagementRelayFailing",
                "EngagementMessagesShortened",
                fires=True,
            ),
        ),
    ],
)
def test_the_cases_notice_broken_rules(
    broken: Callable[[str], str], noticed: set[tuple[str, bool]], promtool: str, tmp_path: Path
) -> None:
    """Rules that never fire, always fire, add up workers or ignore restarts each fail a case of their alert."""
    rules = broken(_RULES)
    assert rules != _RULES
    assert noticed <= _failing(promtool, rules, tmp_path)


def _failing(promtool: str, rules: str, folder: Path) -> set[tuple[str, bool]]:
    """Return the alerts of which a case fails under these rules, each with whether it should have fired there."""
    (folder / "rules.yml").write_text(rules, "utf-8")
    cases = sorted((_PROMETHEUS / "tests").glob("*.yml"))
    for case in cases:
        text = case.read_text("utf-8").replace("../rules.yml", "rules.yml")
        (folder / case.name).write_text(text, "utf-8")
    names = [case.name for case in cases]
    done = subprocess.run(
        [promtool, "test", "rules", *names],
        cwd=folder,
        capture_output=True,
        check=False,
        text=True,
        env={**os.environ, "GOGC": "800"},  # it collects garbage for half of its time
    )
    output = done.stdout + done.stderr
    failing = re.findall(r"alertname: ?(\w+), time: \S+\s+exp:(\[\])?", output)
    assert bool(failing) == bool(done.returncode), output
    return {(name, not nothing) for name, nothing in failing}
