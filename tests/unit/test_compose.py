"""docker-compose.yml, ops/Dockerfile and the image's locks name only what exists in the code.

Docker may be missing where tests run: each command, port, variable and file is compared with the code. Nothing
here proves that an image was built or a container ran.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from ruamel.yaml import YAML

from consumer.__main__ import parser
from consumer.infra.clock import SystemClock
from consumer.infra.settings import PREFIX, Settings
from consumer.infra.telemetry import health
from consumer.infra.telemetry.metrics import Metrics
from tests.servers.docker_kafka import IMAGE

_ROOT = Path(__file__).parents[2]
_COMPOSE: dict[str, Any] = YAML(typ="safe").load((_ROOT / "docker-compose.yml").read_text())
_SERVICES: dict[str, dict[str, Any]] = _COMPOSE["services"]
_OURS = {name: service for name, service in _SERVICES.items() if service["image"] == "engagement"}
_PORT_VARIABLES = {
    "kafka": "KAFKA",
    "postgres": "POSTGRES",
    "worker": "WORKER",
    "worker-2": "WORKER_2",
    "web": "WEB",
    "prometheus": "PROMETHEUS",
    "grafana": "GRAFANA",
}
_DOCKERFILE = (_ROOT / "ops" / "Dockerfile").read_text()


def _settings(service: dict[str, Any]) -> Settings:
    return Settings(
        **{variable.removeprefix(PREFIX).lower(): value for variable, value in service["environment"].items()}
    )


def test_it_starts_all_that_the_readme_promises() -> None:
    """Kafka, Postgres, migration, catalog, topics, two workers, API, simulated traffic, and monitoring."""
    assert set(_OURS) == {"migrate", "catalog", "topics", "worker", "worker-2", "web", "simulate"}
    assert set(_SERVICES) - set(_OURS) == {"kafka", "postgres", "prometheus", "grafana"}


@pytest.mark.parametrize("name", _OURS)
def test_each_command_exists(name: str) -> None:
    """The program knows the command with exactly these words, and the files among them exist."""
    words = _OURS[name]["command"]
    parser().parse_args(words)  # wrong usage exits
    assert all((_ROOT / word).is_file() for word in words if word.endswith(".yaml"))


@pytest.mark.parametrize("name", _OURS)
def test_each_variable_is_a_setting(name: str) -> None:
    """Every variable begins with our prefix, names a setting, and has a value that this setting takes."""
    environment = _OURS[name]["environment"]
    assert all(variable.startswith(PREFIX) for variable in environment)
    assert {variable.removeprefix(PREFIX).lower() for variable in environment} <= set(Settings.model_fields)
    _settings(_OURS[name])


@pytest.mark.parametrize("name", _OURS)
def test_the_servers_are_where_the_settings_say(name: str) -> None:
    """Kafka listens and is advertised at the address in the settings; Postgres has that user and database."""
    made = _settings(_OURS[name])
    kafka = _SERVICES["kafka"]["environment"]
    assert f"INSIDE://{made.kafka_bootstrap}" in kafka["KAFKA_ADVERTISED_LISTENERS"].split(",")
    assert f"INSIDE://:{made.kafka_bootstrap.rpartition(':')[2]}" in kafka["KAFKA_LISTENERS"].split(",")
    database = urlsplit(made.dsn())
    expected = _SERVICES["postgres"]["environment"]
    assert (database.hostname, database.port) == ("postgres", 5432)
    assert database.username == expected["POSTGRES_USER"]
    assert database.password == expected["POSTGRES_PASSWORD"]
    assert database.path == f"/{expected['POSTGRES_DB']}"


def test_the_simulated_account_is_the_one_with_a_catalog() -> None:
    """Traffic is made for the account whose catalog is applied; others would be unknown."""
    document = YAML(typ="safe").load((_ROOT / _SERVICES["catalog"]["command"][-1]).read_text())
    assert _SERVICES["simulate"]["command"] == ["simulate", "--accounts", document["account"]]


def test_published_ports_are_the_ones_that_are_listened_on() -> None:
    """Each host port has a variable and a default of its own, and leads to the port that its service listens on."""
    listened = {
        "kafka": re.findall(r"OUTSIDE://:(\d+)", _SERVICES["kafka"]["environment"]["KAFKA_LISTENERS"])[0],
        "postgres": "5432",
        "worker": str(_settings(_SERVICES["worker"]).http_port),
        "worker-2": str(_settings(_SERVICES["worker-2"]).http_port),
        "web": str(_settings(_SERVICES["web"]).http_port),
        "prometheus": "9090",
        "grafana": "3000",
    }
    published = {name: service["ports"] for name, service in _SERVICES.items() if "ports" in service}
    outside = {name: {"worker-2": "8081", "web": "8082"}.get(name, port) for name, port in listened.items()}
    assert published == {
        name: [f"127.0.0.1:{_host_port(name, outside[name])}:{port}"] for name, port in listened.items()
    }
    assert len(set(outside.values())) == len(outside)
    assert f"EXPOSE {listened['worker']}\n" in _DOCKERFILE


def test_kafka_is_advertised_at_its_host_port() -> None:
    """Clients outside of Docker are sent to the host port, whatever it was changed to."""
    advertised = _SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"].split(",")
    assert f"OUTSIDE://localhost:{_host_port('kafka', '29092')}" in advertised


def _host_port(service: str, default: str) -> str:
    return f"${{ENGAGEMENT_COMPOSE_{_PORT_VARIABLES[service]}_PORT:-{default}}}"


def test_the_second_worker_is_like_the_first() -> None:
    """Both workers have the same image, settings, health check and time to end; only their ports differ."""
    one, other = _SERVICES["worker"], _SERVICES["worker-2"]
    assert one | {"ports": None} == other | {"ports": None}


@pytest.mark.parametrize("name", _SERVICES)
def test_what_is_mounted_exists(name: str) -> None:
    """Each mount is a file or folder of this repository, read only, or a volume that is declared."""
    for mount in _SERVICES[name].get("volumes", []):
        source, _, target = mount.partition(":")
        if source.startswith("./"):
            assert (_ROOT / source).exists()
            assert target.endswith(":ro")
        else:
            assert source in _COMPOSE["volumes"]


def test_the_worker_is_asked_at_a_route_that_it_has() -> None:
    """The address in the workers' health check is one of their routes, on their port."""
    (address,) = re.findall(r"http://[^']+", " ".join(_SERVICES["worker"]["healthcheck"]["test"]))
    routes = {route.path for route in health.routes(health.Health(SystemClock()), Metrics())}
    assert urlsplit(address).port == _settings(_SERVICES["worker"]).http_port
    assert urlsplit(address).path in routes


@pytest.mark.parametrize("name", _SERVICES)
def test_what_a_service_waits_for_can_happen(name: str) -> None:
    """Each dependency exists: with a health check where health is awaited, ending where completion is."""
    for other, waited in _SERVICES[name].get("depends_on", {}).items():
        if waited["condition"] == "service_healthy":
            assert "healthcheck" in _SERVICES[other]
        else:
            assert waited["condition"] == "service_completed_successfully"
            assert _SERVICES[other]["command"][0] in {"migrate", "topics", "catalog"}
            assert "restart" not in _SERVICES[other]


def test_the_images_are_the_ones_tested_with() -> None:
    """Kafka has the release of the tests, other images have fixed versions, and ours copies files that exist."""
    assert _SERVICES["kafka"]["image"] == IMAGE
    theirs = [service["image"] for name, service in _SERVICES.items() if name not in _OURS]
    assert all(re.fullmatch(r"[a-z/]+:v?\d+(\.\d+)*", image) for image in theirs)
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", _DOCKERFILE, re.MULTILINE)
    assert copied
    assert all((_ROOT / source).exists() for line in copied for source in line.split())
    assert 'ENTRYPOINT ["engagement"]' in _DOCKERFILE


def test_one_service_builds_the_image() -> None:
    """`migrate` builds it; the others wait for migrate, directly or not, and never look for it in a registry."""
    assert [name for name, service in _SERVICES.items() if "build" in service] == ["migrate"]
    assert (_ROOT / _OURS["migrate"]["build"]["dockerfile"]).is_file()
    for name, service in _OURS.items():
        assert name == "migrate" or (service["pull_policy"] == "never" and "migrate" in _waited_for(name))


def _waited_for(name: str) -> set[str]:
    direct = set(_SERVICES[name].get("depends_on", ()))
    return direct.union(*map(_waited_for, direct))


def test_the_image_installs_what_runs() -> None:
    """It comes from hashed locks, and what builds the wheel is not in the stage that runs."""
    installs = re.findall(r"pip install (.*)$", _DOCKERFILE, re.MULTILINE)
    assert [re.findall(r"-r (\S+)", line) for line in installs] == [
        ["requirements-build.lock"],
        ["requirements-run.lock"],
        [],
    ]
    assert all("--require-hashes" in line for line in installs[:2])
    assert "--no-index" in installs[2]
    assert _DOCKERFILE.count("COPY --from=build /opt/engagement /opt/engagement\n") == 1


def test_the_image_has_the_versions_that_were_tested() -> None:
    """Each pin of the image's locks, hashes included, is one of the tests' lock; the tests' tools are left out."""
    files = ("requirements.lock", "ops/requirements-run.lock", "ops/requirements-build.lock")
    tested, run, build = map(_pins, files)
    assert {**tested, **run, **build} == tested
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text())
    needed = {re.split(r"[\[<>=]", line)[0] for line in project["project"]["dependencies"]}
    assert needed <= {name.replace("_", "-") for name in run} | {"ruamel.yaml"}
    assert {"pytest", "ruff", "mypy", "hatchling", "confluent-kafka"} <= set(tested) - set(run)
    assert "hatchling" in build


def _pins(name: str) -> dict[str, str]:
    """Return the packages of a lock, each with version and hashes."""
    text = re.sub(r" *#.*$", "", (_ROOT / name).read_text(), flags=re.MULTILINE)
    pins = re.findall(r"^([a-z0-9-]+)==(\S+.*?)(?=^[a-z]|\Z)", text, re.MULTILINE | re.DOTALL)
    return {name: " ".join(pin.split()) for name, pin in pins}
