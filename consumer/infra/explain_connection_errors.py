"""Explains TLS and login errors of a reachable server in one line that names the setting to check.

Never puts a password into a line: it quotes only servers and OpenSSL, which know none.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

from aiokafka import errors as kafka_errors

from consumer.infra.settings import variable

if TYPE_CHECKING:
    from collections.abc import Iterator

# OpenSSL's verify codes: hostname or address mismatch; not yet valid or expired.
_OTHER_HOST = {62, 64}
_NOT_VALID_NOW = {9, 10}


def explain_kafka_error(error: BaseException | None, server: str) -> str | None:
    """Return why the broker at `server` (host:port) refuses the connection, None where the error does not say.

    The whole chain of causes is searched.
    """
    for cause in _causes(error):
        if why := _login(cause) or _kafka_tls(cause) or _closed(cause):
            return f"{server}: {why}"
    return None


def explain_postgres_tls_error(error: ssl.SSLError) -> str:
    """Return why the TLS handshake with the database failed."""
    url = variable("database_url")
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"database: {_certificate(error, host=f'the host in {url}', trust=f'sslrootcert in {url}')}"
    return (
        f"database: TLS handshake failed ({_reason(error)}): check sslrootcert, sslcert and sslkey in {url}"
    )


def _login(error: BaseException) -> str | None:
    match error:
        case kafka_errors.SaslAuthenticationFailed() | kafka_errors.AuthenticationFailedError():
            words = " ".join(map(str, error.args))
            return f"broker rejects the login ({words}): check {_login_settings()}"
        case kafka_errors.UnsupportedSaslMechanismError():
            return f"broker does not offer this SASL mechanism: check {variable('kafka_sasl_mechanism')}"
        case kafka_errors.IllegalSaslStateError():
            return f"broker does not expect SASL: check {variable('kafka_security_protocol')}"
    return None


def _login_settings() -> str:
    names = ("kafka_sasl_username", "kafka_sasl_password", "kafka_sasl_mechanism")
    return ", ".join(map(variable, names))


def _kafka_tls(error: BaseException) -> str | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        check = variable("kafka_ssl_check_hostname")
        host = f"{variable('kafka_bootstrap')}, the broker's advertised.listeners, or {check}"
        return _certificate(error, host=host, trust=variable("kafka_ssl_ca_file"))
    if not isinstance(error, ssl.SSLError):
        return None
    reason = error.reason or ""
    if "ALERT" in reason and ("CERTIFICATE" in reason or "UNKNOWN_CA" in reason):
        return f"broker rejects the client certificate ({_reason(error)}): check {variable('kafka_ssl_cert_file')}"
    return f"TLS handshake failed ({_reason(error)}): check {variable('kafka_security_protocol')}"


def _closed(error: BaseException) -> str | None:
    # A broker also closes the connection silently when TLS meets plaintext.
    if isinstance(error, (ConnectionResetError, asyncio.IncompleteReadError)):
        protocol = variable("kafka_security_protocol")
        return f"connection closed: the broker is starting or stopping, or does not use what {protocol} says"
    return None


def _certificate(error: ssl.SSLCertVerificationError, *, host: str, trust: str) -> str:
    words = error.verify_message.rstrip(".")
    if error.verify_code in _OTHER_HOST:
        return f"certificate is for another host ({words}): check {host}"
    if error.verify_code in _NOT_VALID_NOW:
        return f"certificate is not valid now ({words}): renew it, or check this machine's clock"
    return f"certificate is not trusted ({words}): check {trust}"


def _reason(error: ssl.SSLError) -> str:
    return (error.reason or str(error)).replace("_", " ").lower()


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
