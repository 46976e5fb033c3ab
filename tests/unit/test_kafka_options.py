"""What every Kafka client is given: addresses, encryption and login from the settings."""

from __future__ import annotations

import asyncio
import os
import ssl
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from consumer.cli.preflight import check
from consumer.infra.kafka.client import client_options, input_topics
from consumer.infra.settings import Settings, SettingsError, variable
from tests.servers.certificates import Authority

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(variable(name), raising=False)


def test_plain_text_needs_no_more_than_addresses() -> None:
    """Without encryption and login only addresses, client id and protocol are given."""
    settings = Settings(database_url="postgresql://d/d", kafka_bootstrap="one:1,two:2")
    assert client_options(settings, "relay") == {
        "bootstrap_servers": "one:1,two:2",
        "client_id": "engagement-relay",
        "security_protocol": "PLAINTEXT",
    }


@pytest.mark.parametrize("check_hostname", [True, False])
def test_login_and_encryption(check_hostname: bool) -> None:
    """With SASL_SSL the login is passed on and certificates are checked, host names as set."""
    settings = Settings(
        database_url="postgresql://d/d",
        kafka_bootstrap="one:1",
        kafka_security_protocol="SASL_SSL",
        kafka_sasl_mechanism="SCRAM-SHA-512",
        kafka_sasl_username="app",
        kafka_sasl_password="secret",
        kafka_ssl_check_hostname=check_hostname,
    )
    options = client_options(settings)
    assert options["sasl_mechanism"] == "SCRAM-SHA-512"
    assert (options["sasl_plain_username"], options["sasl_plain_password"]) == ("app", "secret")
    context = options["ssl_context"]
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname is check_hostname


def test_topics_are_consumed_under_the_prefix() -> None:
    """Kafka's names have the prefix, ours do not."""
    settings = Settings(
        database_url="postgresql://d/d", kafka_bootstrap="k:1", topic_prefix="eu-", topics=("deals", "emails")
    )
    assert input_topics(settings) == {"eu-deals": "deals", "eu-emails": "emails"}


@pytest.fixture
def over_tls(tmp_path: Path) -> dict[str, str]:
    """Give settings for showing a certificate whose key has a password, all of them right."""
    authority = Authority(tmp_path)
    certificate, key = authority.issue("client", "worker@example.org", password="hunter2-key")
    authority.issue("another", "other@example.org")
    return {
        "database_url": "postgresql://127.0.0.1:1/none",
        "kafka_bootstrap": "127.0.0.1:1",
        "kafka_security_protocol": "SSL",
        "kafka_ssl_ca_file": str(authority.file),
        "kafka_ssl_cert_file": str(certificate),
        "kafka_ssl_key_file": str(key),
        "kafka_ssl_key_password": "hunter2-key",
    }


def _settings(values: dict[str, str]) -> Settings:
    return Settings(**values)  # type: ignore[arg-type] # pydantic reads them as it reads the environment


def test_certificates_that_fit_are_taken(over_tls: dict[str, str]) -> None:
    """Certificate, key and the key's password go into what clients connect with."""
    assert client_options(_settings(over_tls))["ssl_context"].verify_mode is ssl.CERT_REQUIRED


# By what is wrong: the file or password in place of the right one, and the settings that the line has to name.
WRONGS = {
    "the key's password": ({"kafka_ssl_key_password": "hunter2-wrong"}, "KAFKA_SSL_KEY_PASSWORD"),
    # OpenSSL would ask at the terminal, if it was let.
    "no password": ({"kafka_ssl_key_password": ""}, "KAFKA_SSL_KEY_PASSWORD"),
    "the key of another": ({"kafka_ssl_key_file": "another.key"}, "KAFKA_SSL_KEY_FILE"),
    "a key for a certificate": ({"kafka_ssl_cert_file": "another.key"}, "KAFKA_SSL_CERT_FILE"),
    "a key for an authority": ({"kafka_ssl_ca_file": "another.key"}, "KAFKA_SSL_CA_FILE"),
}


@pytest.mark.parametrize("wrong", WRONGS)
async def test_certificates_that_do_not_fit_are_named(
    over_tls: dict[str, str], tmp_path: Path, wrong: str
) -> None:
    """What cannot be used is an error of settings that names them in one line, which `check` shows too."""
    changes, named = WRONGS[wrong]
    files = {name: str(tmp_path / value) if "file" in name else value for name, value in changes.items()}
    settings = _settings(over_tls | files)
    with pytest.raises(SettingsError) as raised:
        client_options(settings)
    [fault] = raised.value.faults
    assert f"ENGAGEMENT_{named}" in fault
    assert "hunter2" not in fault
    found = await check(settings)
    assert [finding.text for finding in found if finding.subject == "settings"] == [fault]
    assert "database" in {finding.subject for finding in found}


async def test_a_worker_ends_where_trying_again_helps_nobody(over_tls: dict[str, str]) -> None:
    """With a key that does not open, or a URL that cannot be meant, `run` ends with 1 and a line on that."""
    wrong_key = over_tls | {"kafka_ssl_key_password": "hunter2-wrong"}
    wrong_url = over_tls | {"database_url": "postgresql://app:hunter2-app@127.0.0.1:1/none?sslmode=full"}
    ended = await asyncio.gather(_run(wrong_key), _run(wrong_url))
    for (code, line), named in zip(ended, ("KAFKA_SSL_KEY_PASSWORD", "DATABASE_URL"), strict=True):
        assert code == 1
        assert line.startswith("engagement run: ENGAGEMENT_")
        assert f"ENGAGEMENT_{named}" in line
        assert "hunter2" not in line


async def _run(values: dict[str, str]) -> tuple[int | None, str]:
    """Run a worker to its end; returns how it ended and its only line that is none of the log."""
    environment = {variable(name): value for name, value in values.items()} | {
        "ENGAGEMENT_HTTP_HOST": "127.0.0.1",
        "ENGAGEMENT_HTTP_PORT": "0",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "consumer", "run"),
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    _, output = await asyncio.wait_for(process.communicate(), 30)
    [line] = [line for line in output.decode().splitlines() if not line.startswith("{")]
    return process.returncode, line
