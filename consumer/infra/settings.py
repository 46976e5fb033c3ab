"""The settings of the process, read once from `ENGAGEMENT_…` variables.

Never prints a secret. Validates values and their combinations only; whether servers answer is checked by
`engagement check`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping  # noqa: TC003 - pydantic reads annotations at run time
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from consumer.infra.setting_types import (
    DatabaseUrl,
    Days,
    Duration,
    ExistingFile,
    KeySource,
    Limit,
    LimitsUrl,
    LogFormat,
    LogLevel,
    Networks,
    Origins,
    Partitions,
    ProcessCount,
    Roles,
    Servers,
    TopicNames,
    WebAddress,
)
from consumer.infra.unknown_variables import unknown_variables
from schemas.vocabulary import INPUT_TOPICS

PREFIX = "ENGAGEMENT_"

# Placeholders for required settings that a command does not need; nothing answers at these addresses.
_NO_DATABASE = {"database_url": "postgresql://unset.invalid/unset"}
_NO_KAFKA = {"kafka_bootstrap": "unset.invalid:9092"}

_SASL = ("kafka_sasl_mechanism", "kafka_sasl_username", "kafka_sasl_password")
_SSL = ("kafka_ssl_ca_file", "kafka_ssl_cert_file", "kafka_ssl_key_file", "kafka_ssl_key_password")


class SettingsError(Exception):
    """Some settings are wrong; `faults` has one line for each fault, which names the variable."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


class Settings(BaseSettings):
    """All settings of the process; immutable."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, hide_input_in_errors=True, extra="forbid"
    )

    database_url: DatabaseUrl = Field(
        description="PostgreSQL: `postgresql://user:password@host:port/database`"
    )
    kafka_bootstrap: Servers = Field(description="Bootstrap brokers: `host:port`, separated by commas")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="Security protocol"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = Field(
        None, description="SASL mechanism, with `SASL_PLAINTEXT` and `SASL_SSL`"
    )
    kafka_sasl_username: str | None = Field(None, description="SASL user name")
    kafka_sasl_password: SecretStr | None = Field(None, description="SASL password")
    kafka_ssl_ca_file: ExistingFile | None = Field(
        None, description="CA certificates that verify the brokers (PEM), in place of the system's"
    )
    kafka_ssl_cert_file: ExistingFile | None = Field(None, description="Client certificate (PEM)")
    kafka_ssl_key_file: ExistingFile | None = Field(
        None, description="Private key of the client certificate (PEM)"
    )
    kafka_ssl_key_password: SecretStr | None = Field(None, description="Password of the private key")
    kafka_ssl_check_hostname: bool = Field(
        True, description="Whether a broker's certificate must match its host name"
    )
    kafka_group: str = Field(
        "engagement",
        pattern=r"^[A-Za-z0-9._-]{1,100}$",
        description="Consumer group whose committed offsets show the positions to Kafka's tools",
    )
    topic_prefix: str = Field("", pattern=r"^[A-Za-z0-9._-]{0,50}$", description="Prefix of every topic name")
    topics: TopicNames = Field(INPUT_TOPICS, description="Topics to consume, separated by commas")
    start: Literal["earliest", "latest"] = Field(
        "earliest", description="Where a lane that was never read starts; partitions added later start at 0"
    )
    batch_records: int = Field(
        5000, ge=1, le=20_000, description="Maximum number of records in a batch (one transaction)"
    )
    processes: ProcessCount = Field(
        1,
        description="Worker processes of `engagement run`, under one supervisor; `auto`: one per usable core",
    )
    pipelines: int = Field(
        2,
        ge=1,
        le=8,
        description="Maximum number of pipelines of a worker process: one reads while it keeps up, others join "
        "while records wait; with several processes the default is 1",
    )
    relay: Literal["transactional", "plain"] = Field(
        "transactional",
        description="How messages are published: exactly once, or at least once for a broker without transactions",
    )
    claim_window: Duration = Field(
        timedelta(days=90),
        ge=timedelta(days=8),
        le=timedelta(days=3660),
        description="How long the key of an applied event is remembered",
    )
    dead_letter_days: Days = Field(
        90,
        description="Days until a dead letter is deleted that is neither replayed nor discarded; 0: for ever",
    )
    sample_days: Days = Field(
        30, description="Days until the sample of a type in the inbox is taken away; 0: for ever"
    )
    ignored_days: Annotated[int, Field(ge=0, le=90)] = Field(
        7,
        description="Days for which a contact's events that reached no timeline are shown; 0: none are kept",
    )
    max_definitions: Limit = Field(1000, description="Maximum number of definitions of an account")
    max_groups: Limit = Field(100, description="Maximum number of groups of an account")
    max_profiles: Limit = Field(50, description="Maximum number of profiles of an account")
    max_profile_weights: Limit = Field(2000, description="Maximum number of own weights of a profile")
    max_segments: Limit = Field(500, description="Maximum number of segments of an account")
    max_definition_events: Limit = Field(
        50, description="Maximum number of event types that a definition names"
    )
    max_definition_conditions: Limit = Field(50, description="Maximum number of conditions of a definition")
    max_type_definitions: Limit = Field(
        100, description="Maximum number of active definitions of an account that name one event type"
    )
    input_partitions: Partitions = Field(
        12, description="Partitions of input topics created by `engagement topics`"
    )
    output_partitions: Partitions = Field(
        12, description="Partitions of output topics created by `engagement topics`"
    )
    topic_replication: int | None = Field(
        None,
        ge=1,
        le=9,
        description="Replicas of topics created by `engagement topics`; if unset 3, or fewer with fewer brokers",
    )
    http_host: str = Field(
        "0.0.0.0",  # noqa: S104 - probes and Prometheus come from outside the container
        min_length=1,
        description="Address that serves `/livez`, `/readyz`, `/metrics` and the API",
    )
    http_port: int = Field(
        8080,
        ge=0,
        le=65_535,
        description="Port of that address; `run` and `web` on one machine need different ones, 0 takes a free one",
    )
    health_port: int | None = Field(
        None,
        ge=0,
        le=65_535,
        description="Port of that address for `/livez`, `/readyz` and `/metrics` alone; unset: that of the API",
    )
    http_connections: int = Field(
        2000,
        ge=10,
        le=100_000,
        description="Maximum number of open HTTP connections of one `engagement web`, as far as its limit on open "
        "files allows",
    )
    jwt_secret: SecretStr | None = Field(
        None,
        min_length=32,
        description="Secret that signs API tokens (HS256), at least 32 characters",
    )
    jwt_jwks: KeySource | None = Field(
        None,
        description="In place of a secret: the token issuer's public keys (RS256, ES256), a URL or a file",
    )
    jwt_issuer: str | None = Field(None, min_length=1, description="Required `iss` claim")
    jwt_audience: str | None = Field(
        None, min_length=1, description="Required `aud` claim, or required member of it if it is a list"
    )
    web_connections: int = Field(
        8, ge=1, le=100, description="Maximum number of database connections of one `engagement web`"
    )
    webhook_private: bool = Field(
        False,
        description="Whether webhooks may use `http` and lead to addresses that are not public: for tests and own "
        "networks",
    )
    webhook_log_days: Days = Field(
        7,
        description="Days until a delivery to a webhook that has ended is forgotten; 0: when 10,000 newer exist",
    )
    web_origins: Origins = Field(
        (),
        description="Origins of web pages that may call the API from browsers (CORS): `https://app.example.com`, "
        "separated by commas; `*`: any",
    )
    robots_file: ExistingFile | None = Field(
        None,
        description="Rules by which the tracker recognises robots, in place of `catalogs/robots.yaml` (YAML)",
    )
    console: bool = Field(True, description="Whether `engagement web` serves the console, at `/console`")
    console_development: bool = Field(
        False, description="Whether the console has the page of all its components, `/console/~components`"
    )
    console_url: WebAddress | None = Field(
        None,
        description="Public address of `engagement web`, like `https://leads.example.com`; with `https`, browsers "
        "send the console's cookie over TLS alone",
    )
    embed_origins: Origins = Field(
        (),
        description="Origins of web pages that may frame a contact's panel: `https://app.example.com`, separated "
        "by commas; `*`: any",
    )
    oidc_issuer: WebAddress | None = Field(
        None, description="Issuer of the OpenID Connect provider by which people sign in to the console"
    )
    oidc_client_id: str | None = Field(None, min_length=1, description="Client id of the console there")
    oidc_client_secret: SecretStr | None = Field(
        None, min_length=1, description="Client secret, if it has one"
    )
    oidc_actor_claim: str = Field(
        "email", min_length=1, description="Claim of an id token that names the person"
    )
    oidc_account_claim: str = Field(
        "account", min_length=1, description="Claim that has the key of the person's account, or `*` for all"
    )
    oidc_permissions_claim: str = Field(
        "permissions", min_length=1, description="Claim that has a list of permissions, or of roles"
    )
    oidc_roles: Roles = Field(
        {},
        description="What each role permits: `sales=read,manager=read+manage`; unset: the claim has permissions",
    )
    tracker: bool = Field(
        True,
        description="Whether `engagement web` serves the tracker too, where `ENGAGEMENT_KAFKA_BOOTSTRAP` is set",
    )
    tracker_contacts: int = Field(
        250_000,
        ge=1,
        description="Most different contacts that unsigned calls with one token of the tracker name in a day of "
        "UTC, by process",
    )
    trusted_proxies: Networks = Field(
        (),
        description="Networks of proxies in front of the tracker whose `X-Forwarded-For` is believed: "
        "`10.0.0.0/8`, separated by commas",
    )
    limits_url: LimitsUrl | None = Field(
        None,
        description="Redis or Valkey in which several processes of the tracker share their limits: "
        "`redis://user:password@host:port/0`; unset: each process has its own",
    )
    log_level: LogLevel = Field("info", description="Lowest level that is logged")
    log_format: LogFormat = Field("json", description="One JSON object per line, or text for people")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        values = {name: getattr(self, name) for name in type(self).model_fields}
        if faults := _contradictions(values):
            raise ValueError("; ".join(faults))
        return self

    def dsn(self) -> str:
        """Return the database URL with its password; never print it."""
        return self.database_url.get_secret_value()

    @property
    def has_kafka(self) -> bool:
        """Whether brokers are named; False only where the settings were loaded without the need of them."""
        return self.kafka_bootstrap != _NO_KAFKA["kafka_bootstrap"]

    def topic(self, name: str) -> str:
        """Return a topic's name in this installation."""
        return f"{self.topic_prefix}{name}"


def load_settings(*, database: bool = True, kafka: bool = True) -> Settings:
    """Read the settings from the environment of the process.

    database, kafka: False if the caller does not use it, so that its address may be missing.
    Raises SettingsError with all faults, variables that are no settings included.
    """
    placeholders = ({} if database else _NO_DATABASE) | ({} if kafka else _NO_KAFKA)
    values: dict[str, Any] = placeholders | EnvSettingsSource(Settings)()
    unknown = unknown_variables(os.environ, PREFIX, Settings.model_fields)
    try:
        settings = Settings(**values)
    except ValidationError as error:
        # Pydantic runs `_consistent` only if every field is valid; report contradictions in any case.
        single = [_fault(fault, values) for fault in error.errors(include_url=False) if fault["loc"]]
        raise SettingsError([*single, *_contradictions(values), *unknown]) from None
    if unknown:
        raise SettingsError(unknown)
    return settings


def variable(name: str) -> str:
    """Return the name of a setting's environment variable."""
    return PREFIX + name.upper()


def _contradictions(values: Mapping[str, Any]) -> list[str]:
    """Return the faults of combinations of settings that are each valid."""
    faults = []
    protocol = values.get("kafka_security_protocol") or "PLAINTEXT"
    reason = f"{variable('kafka_security_protocol')} is {protocol}"
    if protocol.startswith("SASL"):
        faults += [f"{variable(name)} is missing: {reason}" for name in _SASL if not values.get(name)]
    else:
        faults += [f"{variable(name)} is set, but {reason}" for name in _SASL if values.get(name)]
    if not protocol.endswith("SSL"):
        faults += [f"{variable(name)} is set, but {reason}" for name in _SSL if values.get(name)]
    if values.get("jwt_secret") and values.get("jwt_jwks"):
        faults.append(
            f"{variable('jwt_secret')} and {variable('jwt_jwks')} are both set: only one is allowed"
        )
    if values.get("oidc_issuer"):
        faults += [
            f"{variable(name)} is missing: {variable('oidc_issuer')} is set"
            for name in ("oidc_client_id", "console_url")
            if not values.get(name)
        ]
    certificate, key = "kafka_ssl_cert_file", "kafka_ssl_key_file"
    if bool(values.get(certificate)) != bool(values.get(key)):
        faults.append(f"{variable(certificate)} and {variable(key)} must be set together, one is missing")
    return faults


def _fault(error: Any, values: Mapping[str, Any]) -> str:
    name = str(error["loc"][0])
    if error["type"] == "missing":
        return f"{variable(name)} is missing"
    message = error["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    if _is_secret(name):
        return f"{variable(name)} {message}"
    return f"{variable(name)} {message}, not {values[name]!r}"


def _is_secret(name: str) -> bool:
    return "SecretStr" in repr(Settings.model_fields[name].annotation)
