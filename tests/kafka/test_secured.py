"""Kafka by SASL and TLS, on a real broker: logins, certificates, and what is said when they do not fit."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from consumer.__main__ import main
from consumer.cli.preflight import Finding, check
from consumer.infra.clock import SystemClock
from consumer.infra.kafka.create_topics import create_missing
from consumer.infra.telemetry import dependency_probes
from consumer.infra.telemetry.health import Health
from schemas.vocabulary import SCORE_CHANGED_TOPIC
from tests.builders.catalog_documents import document
from tests.builders.events import live_event
from tests.kafka.installation import Installation
from tests.kafka.secured_broker import PASSWORDS, Secured, secured_broker
from tests.kafka.worker_in_process import Working, working
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

pytestmark = pytest.mark.real_kafka

WRONG = "wrong-hunter2"


@pytest.fixture(scope="module")
async def secured(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Secured]:
    """Give the one broker of this file."""
    async with secured_broker(tmp_path_factory.mktemp("certificates")) as broker:
        yield broker


@pytest.fixture
async def installation(secured: Secured, database: str, topic_prefix: str) -> Installation:
    """Give an installation on that broker; tests themselves speak to it in plain text."""
    return Installation(database, secured.server.bootstrap, topic_prefix)


async def _carries_one_event(installation: Installation, settings: dict[str, str]) -> None:
    """Let `topics` make the topics, and a worker carry an event to a message, both with these settings."""
    await create_missing(installation.settings(input_partitions="1", output_partitions="1", **settings))
    await installation.apply(document())
    async with working(installation, **settings) as worker:
        await worker.until_handled(*await installation.produce([live_event(1)]))

        async def published() -> bool:
            return len(await installation.messages(SCORE_CHANGED_TOPIC)) == 1

        await eventually(published, within=15, what="the message")
        assert worker.worker.health.ready(), worker.worker.health.states()


@pytest.mark.parametrize("mechanism", PASSWORDS)
async def test_a_worker_logs_in(installation: Installation, secured: Secured, mechanism: str) -> None:
    """By each mechanism, over TLS with our own authority, an event goes from its topic to a message."""
    await _carries_one_event(installation, secured.login(mechanism))


async def test_a_worker_shows_its_certificate(installation: Installation, secured: Secured) -> None:
    """With a certificate whose key has a password, an event goes from its topic to a message."""
    await _carries_one_event(installation, secured.mutual())


# By what is wrong: settings that do not fit, and the setting that the line has to name.
WRONGS: dict[str, tuple[Callable[[Secured], dict[str, str]], str]] = {
    "password": (lambda to: to.login("PLAIN", kafka_sasl_password=WRONG), "SASL_PASSWORD"),
    "password by SCRAM": (lambda to: to.login("SCRAM-SHA-512", kafka_sasl_password=WRONG), "SASL_PASSWORD"),
    "authority": (lambda to: to.login("PLAIN", kafka_ssl_ca_file=str(to.stranger.file)), "SSL_CA_FILE"),
    "host name": (lambda to: to.over_tls("MISNAMED"), "SSL_CHECK_HOSTNAME"),
    "no certificate": (lambda to: to.over_tls("MUTUAL"), "SSL_CERT_FILE"),
    "no login": (lambda to: to.over_tls("LOGIN"), "SECURITY_PROTOCOL"),
    "a login where none is wanted": (
        lambda to: to.login("PLAIN") | {"kafka_bootstrap": to.server.bootstrap},
        "SECURITY_PROTOCOL",
    ),
    "no TLS": (
        lambda to: {"kafka_bootstrap": to.over_tls("MUTUAL")["kafka_bootstrap"]},
        "SECURITY_PROTOCOL",
    ),
}


def _wrong(secured: Secured, what: str) -> tuple[dict[str, str], str]:
    settings, named = WRONGS[what]
    return settings(secured), named


def _assert_clear(line: str | None, setting: str) -> None:
    assert line is not None
    assert f"ENGAGEMENT_KAFKA_{setting}" in line
    assert "\n" not in line
    assert len(line) < 300
    for password in (WRONG, *PASSWORDS.values()):
        assert password not in line


@pytest.mark.parametrize("wrong", WRONGS)
async def test_check_says_what_does_not_fit(
    installation: Installation,
    secured: Secured,
    wrong: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`check` says in one line which setting to look at, without any password, beside what is well."""
    settings, named = _wrong(secured, wrong)
    for variable, value in installation.environment(**settings).items():
        monkeypatch.setenv(variable, value)
    assert await asyncio.to_thread(main, ["check"]) == 1
    shown = capsys.readouterr()
    [line] = [line for line in shown.out.splitlines() if " brokers: " in line]
    assert line.startswith("WRONG brokers: cannot be reached: 127.0.0.1:")
    _assert_clear(line, named)
    assert "ok    schema: " in shown.out


@pytest.mark.parametrize("wrong", ["password", "authority", "host name"])
async def test_a_worker_says_what_does_not_fit(
    installation: Installation, secured: Secured, wrong: str
) -> None:
    """A worker stays up, says the same under /readyz, and ends in order on SIGTERM."""
    settings, named = _wrong(secured, wrong)
    started = Working(installation, **settings)
    task = asyncio.create_task(started.worker.run())
    try:

        def said() -> bool:
            assert not task.done()
            assert "kafka" in started.worker.health.states()
            _assert_clear(started.fault("kafka"), named)
            return True

        await eventually(said, within=10, what="the reason")
        assert started.worker.health.alive()
    finally:
        started.worker.stopping.set()
        await asyncio.wait_for(task, 10)


async def test_host_names_may_go_unchecked(installation: Installation, secured: Secured) -> None:
    """With kafka_ssl_check_hostname=false a certificate for another host passes, one of a stranger does not."""
    lax = secured.over_tls("MISNAMED", kafka_ssl_check_hostname="false")
    assert (await _brokers(installation, lax)).ok
    strange = lax | {"kafka_ssl_ca_file": str(secured.stranger.file)}
    _assert_clear((await _brokers(installation, strange)).text, "SSL_CA_FILE")


async def _brokers(installation: Installation, settings: dict[str, str]) -> Finding:
    [found] = [one for one in await check(installation.settings(**settings)) if one.subject == "brokers"]
    return found


async def test_a_frozen_broker_is_reported(installation: Installation, secured: Secured) -> None:
    """Over TLS too it is reported within five seconds that Kafka does not answer: no close waits for its answer."""
    health = Health(SystemClock())
    watching = asyncio.create_task(
        dependency_probes.watch_kafka(installation.settings(**secured.login("PLAIN")), health)
    )
    try:
        await eventually(health.ready, within=5, what="the broker's answer")
        secured.server.freeze()

        def said() -> bool:
            why = str(health.states()["kafka"]["why"])
            return "TimeoutError" in why or "Unable to bootstrap" in why

        await eventually(said, within=5, what="the reason")
    finally:
        secured.server.thaw()
        watching.cancel()
        await asyncio.wait([watching])
