"""What every Kafka client is given: addresses, encryption and login from the settings."""

from __future__ import annotations

import ssl

import pytest

from consumer.kafka import client_options, input_topics
from consumer.settings import Settings, variable


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
