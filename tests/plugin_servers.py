"""The session's servers, what the run says about them at its end, and when CI must not believe it.

Owns both servers' lives, whether promtool, PgBouncer, Chromium and Redis are there, the mark `real_kafka`, and the
lines of the final summary. Never owns databases or topics on them; conftest does. Under pytest-xdist each process
has servers of its own, and what they have to say is gathered by the one that prints.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.servers.kafka import UNPROVED_ON_MOCK, start_kafka
from tests.servers.maven_kafka import MavenKafka
from tests.servers.postgres import start_postgres
from tests.servers.scratch import use_memory

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator

    from playwright.async_api import Browser

    from tests.servers.broker import KafkaServer
    from tests.servers.postgres import PostgresServer


@dataclass
class Said:
    """What there is to say at the end of a run; plain values, for they travel between processes.

    lines: what tests want said, in their order. servers: which there were. skipped: tests of the broker that were.
    missing: programs that are not there, each with what stays unproved.
    """

    lines: list[str] = field(default_factory=list)
    servers: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    mock: bool = False
    missing: list[str] = field(default_factory=list)

    def add(self, other: Said) -> None:
        """Take over what another process has to say."""
        self.lines += other.lines
        self.servers += [server for server in other.servers if server not in self.servers]
        self.skipped += other.skipped
        self.mock |= other.mock
        self.missing += [program for program in other.missing if program not in self.missing]


_SAID: pytest.StashKey[Said] = pytest.StashKey()
_KAFKA_TESTS: pytest.StashKey[set[str]] = pytest.StashKey()


@pytest.fixture(scope="session")
async def postgres_server(pytestconfig: pytest.Config) -> AsyncIterator[PostgresServer]:
    """Give the PostgreSQL of this run, started when the first test asks for it."""
    server = await start_postgres()
    pytestconfig.stash[_SAID].servers.append(f"database: {server.description}")
    yield server
    await server.stop()


@pytest.fixture(scope="session")
async def kafka_server(pytestconfig: pytest.Config) -> AsyncIterator[KafkaServer]:
    """Give the broker of this run, started when the first test asks for it."""
    server = await start_kafka()
    pytestconfig.stash[_SAID].servers.append(f"broker: {server.description}")
    pytestconfig.stash[_SAID].mock = not server.real
    yield server
    await server.close()


@pytest.fixture
def real_broker(kafka_server: KafkaServer) -> None:
    """Skip a test marked `real_kafka` on a mock, and say what stays unproved."""
    if not kafka_server.real:
        pytest.skip(f"needs a real broker; unproved on the mock: {', '.join(UNPROVED_ON_MOCK)}")


@pytest.fixture(scope="session")
async def breakable_kafka(kafka_server: KafkaServer) -> AsyncIterator[KafkaServer]:
    """Give a real broker that may be killed: this run's own, or one more if the named one is another's."""
    if kafka_server.breakable or not kafka_server.real:
        yield kafka_server
        return
    own = MavenKafka()
    await own.start()
    yield own
    await own.close()


@pytest.fixture(scope="session")
def report_line(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Add a line to the summary at the end of the run."""
    return pytestconfig.stash[_SAID].lines.append


@pytest.fixture(scope="session")
def promtool(pytestconfig: pytest.Config) -> str:
    """Name this machine's promtool, or skip, and say that alerts stay unproved."""
    return _program(
        pytestconfig, "promtool", package="prometheus", proves="that alerts fire when they should"
    )


@pytest.fixture(scope="session")
def pgbouncer(pytestconfig: pytest.Config) -> str:
    """Name this machine's PgBouncer, or skip, and say that poolers stay unproved."""
    return _program(pytestconfig, "pgbouncer", package="pgbouncer", proves="what is said of poolers")


@pytest.fixture(scope="session")
def chromium(pytestconfig: pytest.Config) -> str:
    """Name this machine's Chromium, or skip, and say that the tracker's script stays unproved."""
    return _program(
        pytestconfig, "chromium", package="chromium", proves="what the tracker's script does in a browser"
    )


@pytest.fixture(scope="session")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    """Give a running Chromium, which tests share; each visit has a profile of its own."""
    from tests.tracker import browsing  # noqa: PLC0415 - only runs with a browser need Playwright

    async with browsing.started(chromium) as made:
        yield made


@pytest.fixture(scope="session")
def redis_server(pytestconfig: pytest.Config) -> str:
    """Name this machine's Redis, or skip, and say that shared limits stay unproved."""
    return _program(
        pytestconfig,
        "redis-server",
        package="redis-server",
        proves="that processes share the tracker's limits",
    )


def _program(config: pytest.Config, name: str, *, package: str, proves: str) -> str:
    # Debian keeps servers where only root's path leads.
    found = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    if found is None:
        missing = f"{name}: {proves}"
        if missing not in config.stash[_SAID].missing:
            config.stash[_SAID].missing.append(missing)
        pytest.skip(f"needs {name} (Debian: apt-get install --no-install-recommends {package})")
    return found


def pytest_configure(config: pytest.Config) -> None:
    """Announce the mark, start with nothing to say, and choose where temporary files go."""
    use_memory()
    # Programs are started by the hundred: the second start should find the bytecode of the first one.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    config.addinivalue_line("markers", "real_kafka: says something only on a real broker; never on a mock")
    config.stash[_SAID] = Said()
    config.stash[_KAFKA_TESTS] = set()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give each marked test the fixture that refuses a mock, and remember who needs a broker at all."""
    for item in items:
        if not isinstance(item, pytest.Function):
            continue
        if item.get_closest_marker("real_kafka"):
            item.fixturenames.insert(0, "real_broker")
        if {"real_broker", "kafka_server"} & set(item.fixturenames):
            config.stash[_KAFKA_TESTS].add(item.nodeid)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
    call: pytest.CallInfo[None],  # noqa: ARG001 -- pytest passes arguments by name
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember the tests of the broker that were skipped."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and item.nodeid in item.config.stash[_KAFKA_TESTS]:
        item.config.stash[_SAID].skipped.append(item.nodeid)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Remember the files about the broker that were skipped as a whole."""
    report = yield
    if report.skipped and collector.nodeid.startswith("tests/kafka"):
        collector.config.stash[_SAID].skipped.append(collector.nodeid)
    return report


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run in CI that passed without proving what only a real broker proves."""
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output["said"] = asdict(session.config.stash[_SAID])
    elif _unproved_in_ci(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what one of pytest-xdist's processes has to say; one that crashed says nothing."""
    if said := getattr(node, "workeroutput", {}).get("said"):
        node.config.stash[_SAID].add(Said(**said))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Name the servers, with versions and where they came from, and what tests wanted said."""
    said = config.stash[_SAID]
    if said.lines or said.servers:
        terminalreporter.section("what this ran on, and what it showed")
        for line in [*sorted(said.servers), *said.lines]:
            terminalreporter.write_line(line)
    if said.mock:
        terminalreporter.write_line(
            f"UNPROVED, for want of a real broker: {', '.join(UNPROVED_ON_MOCK)}", yellow=True, bold=True
        )
    for missing in said.missing:
        terminalreporter.write_line(f"UNPROVED, for want of {missing}", yellow=True, bold=True)
    for reason in _unproved_in_ci(config):
        terminalreporter.write_line(f"FAILED in CI: {reason}", red=True, bold=True)


def _unproved_in_ci(config: pytest.Config) -> list[str]:
    if os.environ.get("CI", "").lower() not in {"true", "1"}:
        return []
    said = config.stash[_SAID]
    reasons = [f"a test of the broker was skipped: {name}" for name in said.skipped]
    if said.mock:
        reasons.insert(0, "the broker was not a real one")
    reasons += [f"there was no {missing}" for missing in said.missing]
    return reasons
