"""What errors of TLS and of logging in mean; most are proved on servers, here is what servers do not do for us."""

from __future__ import annotations

import ssl

import pytest
from aiokafka.errors import KafkaConnectionError, UnsupportedSaslMechanismError

from consumer.infra import explain_connection_errors


def _unverified(code: int, words: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = code, words
    return error


def test_a_certificate_out_of_its_time_is_no_matter_of_trust() -> None:
    """An expired certificate is to be renewed: no setting of ours would help."""
    error = _unverified(10, "certificate has expired")
    for line in (
        explain_connection_errors.explain_kafka_error(error, "k:1"),
        explain_connection_errors.explain_postgres_tls_error(error),
    ):
        assert line is not None
        assert "certificate is not valid now (certificate has expired)" in line
        assert "ENGAGEMENT" not in line


def test_the_reason_is_found_behind_what_it_led_to() -> None:
    """Aiokafka's error of a closed connection has no reason; its cause has."""
    error = KafkaConnectionError("Connection at k:1 closed")
    error.__cause__ = _unverified(20, "unable to get local issuer certificate")
    assert "ENGAGEMENT_KAFKA_SSL_CA_FILE" in str(explain_connection_errors.explain_kafka_error(error, "k:1"))


def test_a_mechanism_that_is_not_offered_is_named() -> None:
    """A broker without SCRAM leads to the setting of the mechanism."""
    line = explain_connection_errors.explain_kafka_error(
        UnsupportedSaslMechanismError("enabled: PLAIN"), "k:1"
    )
    assert line == "k:1: broker does not offer this SASL mechanism: check ENGAGEMENT_KAFKA_SASL_MECHANISM"


@pytest.mark.parametrize(
    "error", [ConnectionRefusedError(), TimeoutError(), KafkaConnectionError("closed"), None]
)
def test_who_is_not_there_refuses_nobody(error: BaseException | None) -> None:
    """A broker that is down, slow or fine gives no reason, and no setting is blamed."""
    assert explain_connection_errors.explain_kafka_error(error, "k:1") is None
