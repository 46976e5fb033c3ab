"""Makes the TLS context for brokers from the files in the settings, and reports the files that cannot be used.

Files for Postgres are named in its URL and read by asyncpg.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from consumer.infra.settings import SettingsError, variable

if TYPE_CHECKING:
    from pathlib import Path

    from consumer.infra.settings import Settings


def context(settings: Settings) -> ssl.SSLContext:
    """Return the context for Kafka clients; raises SettingsError naming the files that cannot be used."""
    try:
        made = ssl.create_default_context(cafile=settings.kafka_ssl_ca_file)
    except OSError as error:
        fault = f"{variable('kafka_ssl_ca_file')} holds no certificates in PEM ({_reason(error)})"
        raise SettingsError([fault]) from error
    made.check_hostname = settings.kafka_ssl_check_hostname
    if settings.kafka_ssl_cert_file:
        _load_client_certificate(made, settings.kafka_ssl_cert_file, settings)
    return made


def _load_client_certificate(made: ssl.SSLContext, file: Path, settings: Settings) -> None:
    secret = settings.kafka_ssl_key_password
    # Never None: OpenSSL would ask for the password on the terminal, and a service would wait for ever.
    password = secret.get_secret_value() if secret else ""
    try:
        made.load_cert_chain(file, settings.kafka_ssl_key_file, password)
    except OSError as error:
        certificate, key = variable("kafka_ssl_cert_file"), variable("kafka_ssl_key_file")
        wanted = f"both in PEM, and {variable('kafka_ssl_key_password')} if the key has a password"
        fault = f"{certificate} and {key} cannot be used together ({_reason(error)}): {wanted}"
        raise SettingsError([fault]) from error


def _reason(error: OSError) -> str:
    return str(getattr(error, "reason", None) or error.strerror or error).replace("_", " ").lower()
