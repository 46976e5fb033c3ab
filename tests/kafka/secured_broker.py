"""A broker that is spoken to over TLS, in the ways that operators choose from.

Owns its certificates and logins, and the settings of a worker for each way. Never runs a worker.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.servers.certificates import Authority
from tests.servers.maven_kafka import MavenKafka

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

USER = "engagement"
# One for each mechanism, so that none of them lets in whom another one knows.
PASSWORDS = {
    "PLAIN": "plain-hunter2",
    "SCRAM-SHA-256": "short-hunter2",
    "SCRAM-SHA-512": "long-hunter2",
}
KEY_PASSWORD = "key-hunter2"

# LOGIN takes passwords, MUTUAL certificates; the certificate of MISNAMED is for another host.
_LISTENERS = {"LOGIN": "SASL_SSL", "MUTUAL": "SSL", "MISNAMED": "SSL"}


@dataclass(frozen=True)
class Secured:
    """The broker, the authority of its certificates, and an authority that it does not trust."""

    server: MavenKafka
    authority: Authority
    stranger: Authority
    certificate: Path
    key: Path

    def over_tls(self, listener: str, **changes: str) -> dict[str, str]:
        """Return settings for speaking to a listener over TLS, without showing who we are."""
        return {
            "kafka_bootstrap": f"127.0.0.1:{self.server.ports[listener]}",
            "kafka_security_protocol": "SSL",
            "kafka_ssl_ca_file": str(self.authority.file),
        } | changes  # fmt: skip

    def login(self, mechanism: str, **changes: str) -> dict[str, str]:
        """Return settings for logging in, with these in place of their own."""
        return self.over_tls(
            "LOGIN",
            kafka_security_protocol="SASL_SSL",
            kafka_sasl_mechanism=mechanism,
            kafka_sasl_username=USER,
            kafka_sasl_password=PASSWORDS[mechanism],
        ) | changes  # fmt: skip

    def mutual(self) -> dict[str, str]:
        """Return settings for showing a certificate, whose key has a password."""
        return self.over_tls(
            "MUTUAL",
            kafka_ssl_cert_file=str(self.certificate),
            kafka_ssl_key_file=str(self.key),
            kafka_ssl_key_password=KEY_PASSWORD,
        )


@asynccontextmanager
async def secured_broker(folder: Path) -> AsyncIterator[Secured]:
    """Start a broker that has a listener for each way, beside the one for tests themselves."""
    authority, stranger = Authority(folder), Authority(folder, "stranger")
    certificate, key = authority.issue("client", "worker@example.org", password=KEY_PASSWORD)
    server = MavenKafka(
        _settings(folder, authority),
        listeners=_LISTENERS,
        scram=[
            f"{mechanism}=[name={USER},password={password}]"
            for mechanism, password in PASSWORDS.items()
            if mechanism != "PLAIN"
        ],
    )
    try:
        await server.start()
        yield Secured(server, authority, stranger, certificate, key)
    finally:
        await server.close()


def _settings(folder: Path, authority: Authority) -> dict[str, str]:
    security = "org.apache.kafka.common.security"
    plain = f'username="nobody" password="unused" user_{USER}="{PASSWORDS["PLAIN"]}"'
    return {
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority.file),
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(_store(folder, authority, "broker", "127.0.0.1")),
        "listener.name.misnamed.ssl.keystore.type": "PEM",
        "listener.name.misnamed.ssl.keystore.location": str(
            _store(folder, authority, "misnamed", "kafka.example.org")
        ),
        "listener.name.mutual.ssl.client.auth": "required",
        "listener.name.login.sasl.enabled.mechanisms": ",".join(PASSWORDS),
        "listener.name.login.plain.sasl.jaas.config": f"{security}.plain.PlainLoginModule required {plain};",
        **{
            f"listener.name.login.{mechanism.lower()}.sasl.jaas.config": (
                f"{security}.scram.ScramLoginModule required;"
            )
            for mechanism in PASSWORDS
            if mechanism != "PLAIN"
        },
    }


def _store(folder: Path, authority: Authority, name: str, identity: str) -> Path:
    """Write key and certificate into one file, as Kafka wants them."""
    certificate, key = authority.issue(name, identity)
    store = folder / f"{name}.store"
    store.write_bytes(key.read_bytes() + certificate.read_bytes())
    return store
