"""Why a server that is there does not deal with us, in one line that names the setting to look at.

Owns what errors of TLS and of logging in mean. Never connects, and never puts a password into a line: it takes only
words of servers and of OpenSSL, which know none.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

from aiokafka import errors as kafka_errors

from consumer.infra.settings import variable

if TYPE_CHECKING:
    from collections.abc import Iterator

# OpenSSL's codes of a certificate that is for another host or address, and of one whose time is not now.
_OF_ANOTHER = {62, 64}
_OUT_OF_TIME = {9, 10}


def explain_kafka_error(error: BaseException | None, server: str) -> str | None:
    """Return why a broker at `server` (host:port) refuses us, None where an error says no such thing."""
    for one in _causes(error):
        if said := _login(one) or _kafka_tls(one) or _closed(one):
            return f"{server} {said}"
    return None


def explain_postgres_tls_error(error: ssl.SSLError) -> str:
    """Return why there is no TLS with the database."""
    url = variable("database_url")
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the database {_certificate(error, name=f'the host in {url}', trust=f'sslrootcert in {url}')}"
    return f"no TLS with the database ({_words(error)}): look at sslrootcert, sslcert and sslkey in {url}"


def _login(error: BaseException) -> str | None:
    match error:
        case kafka_errors.SaslAuthenticationFailed() | kafka_errors.AuthenticationFailedError():
            words = " ".join(map(str, error.args))
            return f"refuses the login ({words}): look at {_login_settings()}"
        case kafka_errors.UnsupportedSaslMechanismError():
            return f"does not offer this way to log in: look at {variable('kafka_sasl_mechanism')}"
        case kafka_errors.IllegalSaslStateError():
            return f"wants no login: look at {variable('kafka_security_protocol')}"
    return None


def _login_settings() -> str:
    names = ("kafka_sasl_username", "kafka_sasl_password", "kafka_sasl_mechanism")
    return ", ".join(map(variable, names))


def _kafka_tls(error: BaseException) -> str | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        check = variable("kafka_ssl_check_hostname")
        name = f"{variable('kafka_bootstrap')}, the broker's advertised.listeners, or {check}"
        return _certificate(error, name=name, trust=variable("kafka_ssl_ca_file"))
    if not isinstance(error, ssl.SSLError):
        return None
    reason = error.reason or ""
    if "ALERT" in reason and ("CERTIFICATE" in reason or "UNKNOWN_CA" in reason):
        return f"refuses our certificate ({_words(error)}): look at {variable('kafka_ssl_cert_file')}"
    return f"speaks no TLS that we speak ({_words(error)}): look at {variable('kafka_security_protocol')}"


def _closed(error: BaseException) -> str | None:
    # So does whoever is not spoken to in its own protocol, and says no word.
    if isinstance(error, (ConnectionResetError, asyncio.IncompleteReadError)):
        protocol = variable("kafka_security_protocol")
        return f"hangs up: it is starting or ending, or does not speak what {protocol} says"
    return None


def _certificate(error: ssl.SSLCertVerificationError, *, name: str, trust: str) -> str:
    words = error.verify_message.rstrip(".")
    if error.verify_code in _OF_ANOTHER:
        return f"shows a certificate of another ({words}): look at {name}"
    if error.verify_code in _OUT_OF_TIME:
        return (
            f"shows a certificate that does not hold now ({words}): renew it, or look at this machine's clock"
        )
    return f"shows a certificate that is not trusted here ({words}): look at {trust}"


def _words(error: ssl.SSLError) -> str:
    return (error.reason or str(error)).replace("_", " ").lower()


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
