"""The dashboard and the wiring from workers to it: valid, complete, and about metrics that exist.

Grafana and Prometheus may be missing where tests run: every name is compared with the code. Nothing here proves
that a panel was drawn.
"""

from __future__ import annotations

import json
import re
import subprocess
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from consumer.infra.settings import Settings
from tests.metric_series import faults, measured
from tests.promql import read

_ROOT = Path(__file__).parents[2]
_OPS = _ROOT / "ops"
_BOARD: dict[str, Any] = json.loads((_OPS / "grafana" / "dashboards" / "engagement.json").read_text("utf-8"))
_PANELS: dict[str, dict[str, Any]] = {
    panel["title"]: panel for panel in _BOARD["panels"] if panel["type"] != "row"
}
_VARIABLES: dict[str, dict[str, Any]] = {one["name"]: one for one in _BOARD["templating"]["list"]}
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}


def _yaml(path: Path) -> Any:
    return YAML(typ="safe").load(path.read_text("utf-8"))


_SERVICES: dict[str, dict[str, Any]] = _yaml(_ROOT / "docker-compose.yml")["services"]
_PROMETHEUS: dict[str, Any] = _yaml(_OPS / "prometheus" / "prometheus.yml")


# Panels -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("title", _PANELS)
def test_a_panel_asks_for_what_exists(title: str) -> None:
    """A panel uses series, labels and values that workers export, and aggregates them correctly."""
    assert _PANELS[title]["targets"]
    for target in _PANELS[title]["targets"]:
        assert faults(target["expr"]) == []


@pytest.mark.parametrize("title", _PANELS)
def test_a_legend_uses_labels_that_are_left(title: str) -> None:
    """A label in a legend is one that the expression keeps: aggregations keep those after `by` only."""
    series = measured()
    for target in _PANELS[title]["targets"]:
        (use, *_) = read(target["expr"]).uses
        aggregated = [call for call in use.calls if call.by or call.name in {"sum", "max"}]
        left = set(aggregated[0].by) if aggregated else series[use.series].labels
        assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= left


@pytest.mark.parametrize("title", _PANELS)
def test_a_panel_can_be_read(title: str) -> None:
    """A panel has a unit, a description that says how to read it, and uses the data source of the variable."""
    panel = _PANELS[title]
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert len(panel["description"]) > 40
    assert panel["datasource"] == _SOURCE
    assert all(target["datasource"] == _SOURCE for target in panel["targets"])


def test_expressions_are_valid(promtool: str, tmp_path: Path) -> None:
    """Promtool accepts every expression of the board, with any value of its variables."""
    texts = [target["expr"] for panel in _PANELS.values() for target in panel["targets"]]
    texts += [one["expr"] for one in _BOARD["annotations"]["list"] if "expr" in one]
    rules = [
        {"record": f"panel:{number}", "expr": text.replace("$__rate_interval", "1m")}
        for number, text in enumerate(texts)
    ]
    path = tmp_path / "panels.yml"
    path.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}), "utf-8")
    done = subprocess.run(
        [promtool, "check", "rules", str(path)], capture_output=True, check=False, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_metric_is_shown() -> None:
    """Each of our metrics is on at least one panel."""
    shown = {
        use.series
        for panel in _PANELS.values()
        for target in panel["targets"]
        for use in read(target["expr"]).uses
    }
    plain = re.compile(r"_(bucket|sum|count)$")
    wanted = {plain.sub("", name) for name in measured() if name.startswith("engagement_")}
    assert wanted - {plain.sub("", name) for name in shown} == set()


def test_panels_stand_beside_each_other() -> None:
    """No two panels share an id or a place, and each is inside the grid."""
    every = _BOARD["panels"]
    assert len({panel["id"] for panel in every}) == len(every)
    assert len({panel["title"] for panel in every}) == len(every)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in every)
    for one, other in combinations([panel["gridPos"] for panel in every], 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or above


def test_the_board_is_of_a_current_form() -> None:
    """The board has a fixed address and the form of Grafana 11.3 or later, which newer ones take."""
    assert _BOARD["uid"] == "engagement"
    assert "id" not in _BOARD
    assert _BOARD["schemaVersion"] >= 39


def test_variables_exist() -> None:
    """Expressions use declared variables, every declared one is used, and each reads a label that exists."""
    text = json.dumps([_BOARD["panels"], _BOARD["annotations"]])
    used = set(re.findall(r"\$\{?([a-z]\w*)", text))
    assert used == set(_VARIABLES)
    for name in ("job", "topic"):
        asked = re.fullmatch(r"label_values\((\w+), (\w+)\)", _VARIABLES[name]["definition"])
        assert asked
        assert asked[2] in measured()[asked[1]].labels
        assert _VARIABLES[name]["query"]["query"] == _VARIABLES[name]["definition"]
        assert _VARIABLES[name]["datasource"] == _SOURCE
    assert _VARIABLES["datasource"]["query"] == "prometheus"


def test_annotations_ask_for_what_exists() -> None:
    """Annotations use series that workers export."""
    expressions = [one["expr"] for one in _BOARD["annotations"]["list"] if "expr" in one]
    assert expressions
    for expression in expressions:
        assert faults(expression) == []


# From workers to Prometheus to Grafana ----------------------------------------------------------------------


def test_prometheus_scrapes_each_worker_and_the_api() -> None:
    """Each worker is a target of its own, under the job that rules name; the API is one under another job."""
    port = Settings.model_fields["http_port"].default
    jobs = {}
    for job in _PROMETHEUS["scrape_configs"]:
        assert "metrics_path" not in job  # /metrics is the default
        jobs[job["job_name"]] = [target for some in job["static_configs"] for target in some["targets"]]
    serving = {
        name: service["command"]
        for name, service in _SERVICES.items()
        if service.get("command") in (["run"], ["web"])
    }
    assert all("ENGAGEMENT_HTTP_PORT" not in _SERVICES[name]["environment"] for name in serving)
    assert jobs == {
        "engagement": [f"{name}:{port}" for name, command in serving.items() if command == ["run"]],
        "engagement-web": [f"{name}:{port}" for name, command in serving.items() if command == ["web"]],
    }


def test_prometheus_finds_its_files() -> None:
    """Configuration and rules are mounted in one folder, where Prometheus looks for them."""
    mounts = _mounts("prometheus")
    assert mounts["/etc/prometheus/prometheus.yml"] == _OPS / "prometheus" / "prometheus.yml"
    for name in _PROMETHEUS["rule_files"]:
        assert mounts[f"/etc/prometheus/{name}"] == _OPS / "prometheus" / name


def test_grafana_finds_its_source() -> None:
    """The data source is the Prometheus of docker-compose.yml, and has its scrape interval."""
    mounts = _mounts("grafana")
    folder = mounts["/etc/grafana/provisioning/datasources"]
    (path,) = folder.glob("*.yml")
    (source,) = _yaml(path)["datasources"]
    port = _SERVICES["prometheus"]["ports"][0].rpartition(":")[2]
    assert source["url"] == f"http://prometheus:{port}"
    assert source["type"] == "prometheus"
    assert source["isDefault"] is True
    assert source["jsonData"]["timeInterval"] == _PROMETHEUS["global"]["scrape_interval"]


def test_grafana_finds_its_dashboard() -> None:
    """The folder of dashboards is a mount that contains ours, and ours is the home dashboard."""
    mounts = _mounts("grafana")
    (path,) = mounts["/etc/grafana/provisioning/dashboards"].glob("*.yml")
    (provider,) = _yaml(path)["providers"]
    target = provider["options"]["path"]
    assert (mounts[target] / "engagement.json").is_file()
    first = _SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert first == f"{target}/engagement.json"


def _mounts(service: str) -> dict[str, Path]:
    """Return the files and folders of this repository that a service mounts, by their target."""
    pairs = [mount.split(":") for mount in _SERVICES[service]["volumes"] if mount.startswith("./")]
    return {target: _ROOT / source for source, target, _ in pairs}
