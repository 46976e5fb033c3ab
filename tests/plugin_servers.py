"""The session's servers, what the run says about them at its end, and when CI must not believe it.

Owns both servers' lives, whether promtool is there, the mark `real_kafka`, and the lines of the final summary.
Never owns databases or topics on them; those are conftest's.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.servers.kafka import UNPROVED_ON_MOCK, start_kafka
from tests.servers.maven_kafka import MavenKafka
from tests.servers.postgres import start_postgres

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator

    from tests.servers.broker import KafkaServer
    from tests.servers.postgres import PostgresServer

# What tests want said at the end of the run, in the order in which they said it.
LINES: pytest.StashKey[list[str]] = pytest.StashKey()
_BROKER: pytest.StashKey[KafkaServer | None] = pytest.StashKey()
_KAFKA_TESTS: pytest.StashKey[set[str]] = pytest.StashKey()
_SKIPPED: pytest.StashKey[list[str]] = pytest.StashKey()
_NO_PROMTOOL: pytest.StashKey[bool] = pytest.StashKey()


@pytest.fixture(scope="session")
async def postgres_server(pytestconfig: pytest.Config) -> AsyncIterator[PostgresServer]:
    """Give the PostgreSQL of this run, started when the first test asks for it."""
    server = await start_postgres()
    pytestconfig.stash[LINES].insert(0, f"database: {server.description}")
    yield server
    await server.stop()


@pytest.fixture(scope="session")
async def kafka_server(pytestconfig: pytest.Config) -> AsyncIterator[KafkaServer]:
    """Give the broker of this run, started when the first test asks for it."""
    server = await start_kafka()
    pytestconfig.stash[_BROKER] = server
    pytestconfig.stash[LINES].insert(0, f"broker: {server.description}")
    yield server
    await server.close()


@pytest.fixture
def real_broker(kafka_server: KafkaServer) -> None:
    """Skip a test marked `real_kafka` on a mock, and say what stays unproved."""
    if not kafka_server.real:
        pytest.skip(f"needs a real broker; unproved on the mock: {', '.join(UNPROVED_ON_MOCK)}")


@pytest.fixture(scope="session")
async def breakable_kafka(kafka_server: KafkaServer) -> AsyncIterator[KafkaServer]:
    """Give a real broker that may be killed: this run's own, or one of its own beside somebody else's."""
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
    return pytestconfig.stash[LINES].append


@pytest.fixture(scope="session")
def promtool(pytestconfig: pytest.Config) -> str:
    """Name this machine's promtool, or skip, and say that alerts stay unproved."""
    found = shutil.which("promtool")
    if found is None:
        pytestconfig.stash[_NO_PROMTOOL] = True
        pytest.skip("needs promtool (Debian: apt-get install --no-install-recommends prometheus)")
    return found


def pytest_configure(config: pytest.Config) -> None:
    """Announce the mark and start with nothing to say."""
    config.addinivalue_line("markers", "real_kafka: says something only on a real broker; never on a mock")
    config.stash[LINES] = []
    config.stash[_BROKER] = None
    config.stash[_KAFKA_TESTS] = set()
    config.stash[_SKIPPED] = []
    config.stash[_NO_PROMTOOL] = False


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
        item.config.stash[_SKIPPED].append(item.nodeid)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Remember the files about the broker that were skipped as a whole."""
    report = yield
    if report.skipped and collector.nodeid.startswith("tests/kafka"):
        collector.config.stash[_SKIPPED].append(collector.nodeid)
    return report


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run in CI that passed without proving what only a real broker proves."""
    if _unproved_in_ci(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Name the servers, with versions and where they came from, and what tests wanted said."""
    lines = config.stash[LINES]
    broker = config.stash[_BROKER]
    if lines or broker:
        terminalreporter.section("what this ran on, and what it showed")
        for line in lines:
            terminalreporter.write_line(line)
    if broker and not broker.real:
        terminalreporter.write_line(
            f"UNPROVED, for want of a real broker: {', '.join(UNPROVED_ON_MOCK)}", yellow=True, bold=True
        )
    if config.stash[_NO_PROMTOOL]:
        terminalreporter.write_line(
            "UNPROVED, for want of promtool: that alerts fire when they should", yellow=True, bold=True
        )
    for reason in _unproved_in_ci(config):
        terminalreporter.write_line(f"FAILED in CI: {reason}", red=True, bold=True)


def _unproved_in_ci(config: pytest.Config) -> list[str]:
    if os.environ.get("CI", "").lower() not in {"true", "1"}:
        return []
    broker = config.stash[_BROKER]
    reasons = [f"a test of the broker was skipped: {name}" for name in config.stash[_SKIPPED]]
    if broker and not broker.real:
        reasons.insert(0, "the broker was not a real one")
    if config.stash[_NO_PROMTOOL]:
        reasons.append("promtool was not there")
    return reasons
