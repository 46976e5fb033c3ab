"""The settings of the process: one class, read once from the environment, and the README's table of them.

Owns names, defaults, bounds and contradictions of the `ENGAGEMENT_` variables. Never prints a secret, and
never connects to anything to see whether a setting is true: that is check.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping  # noqa: TC003 - pydantic reads annotations at run time
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, NoDecode, SettingsConfigDict

from schemas.names import INPUT_TOPICS, OUTPUT_TOPICS, POSITIONS_TOPIC

PREFIX = "ENGAGEMENT_"

# Stand for a setting that a command does not need and nobody made; nothing answers there.
_UNSET = {"database_url": "postgresql://unset.invalid/unset", "kafka_bootstrap": "unset.invalid:9092"}

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_DURATION = re.compile(r"(\d{1,9})([smhd])", re.ASCII)
_TOPIC_NAME = re.compile(r"[a-zA-Z0-9._-]{1,200}", re.ASCII)
_SERVER = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})", re.ASCII)
_DATABASE_SERVER = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._%-]*)(:\d{1,5})?", re.ASCII)
_DATABASE_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
_SASL = ("kafka_sasl_mechanism", "kafka_sasl_username", "kafka_sasl_password")
_SSL = ("kafka_ssl_ca_file", "kafka_ssl_cert_file", "kafka_ssl_key_file", "kafka_ssl_key_password")


class SettingsError(Exception):
    """The settings are wrong; `faults` holds one line for each thing that is, naming its variable."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


def _database_url(secret: SecretStr) -> SecretStr:
    encode = "special characters in a password must be percent-encoded"
    try:
        parts = urlsplit(secret.get_secret_value())
    except ValueError:
        # urllib's own message quotes what may be a password.
        raise ValueError(f"is not a URL ({encode})") from None
    if parts.scheme not in {"postgresql", "postgres"}:
        raise ValueError("must begin with postgresql://")
    if parts.fragment or "@" in parts.path or "@" in parts.query:
        raise ValueError(f"does not end where it should ({encode})")
    if not all(_DATABASE_SERVER.fullmatch(server) for server in parts.netloc.rpartition("@")[2].split(",")):
        raise ValueError(f"has no host:port where one should be ({encode})")
    for name, value in parse_qsl(parts.query):
        if name in _DATABASE_FILES and not Path(value).is_file():
            raise ValueError(f"names no file in {name}")
    return secret


def _duration(value: Any) -> Any:
    if isinstance(value, str):
        match = _DURATION.fullmatch(value.strip())
        if match is None:
            raise ValueError("must be a duration like 90d, 12h, 5m or 30s")
        return float(match[1]) * _SECONDS[match[2]]
    return value


def _names(value: Any) -> Any:
    return tuple(name.strip() for name in value.split(",")) if isinstance(value, str) else value


def _topics(names: tuple[str, ...]) -> tuple[str, ...]:
    if not all(_TOPIC_NAME.fullmatch(name) for name in names):
        raise ValueError("must be names of topics separated by commas")
    if len(set(names)) < len(names):
        raise ValueError("names a topic twice")
    if ours := [name for name in names if name in (*OUTPUT_TOPICS, POSITIONS_TOPIC)]:
        raise ValueError(f"names {ours[0]}, which this service writes itself")
    return names


def _servers(value: str) -> str:
    if not all(_SERVER.fullmatch(server.strip()) for server in value.split(",")):
        raise ValueError("must be host:port, several of them separated by commas")
    return ",".join(server.strip() for server in value.split(","))


def _key_source(value: str) -> str:
    if "://" not in value:
        _file(Path(value))
    elif urlsplit(value).scheme not in {"http", "https"}:
        raise ValueError("must be a file, or begin with https:// or http://")
    return value


def _file(path: Path) -> Path:
    if not path.is_file():
        raise ValueError("names no file")
    return path


DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]
Duration = Annotated[timedelta, BeforeValidator(_duration)]
Servers = Annotated[str, AfterValidator(_servers)]
TopicNames = Annotated[
    tuple[str, ...], NoDecode, BeforeValidator(_names), Field(min_length=1), AfterValidator(_topics)
]
ExistingFile = Annotated[Path, AfterValidator(_file)]
KeySource = Annotated[str, AfterValidator(_key_source)]
Partitions = Annotated[int, Field(ge=1, le=10_000)]


class Settings(BaseSettings):
    """What an operator may set, as it was at the start of the process; never changes afterwards."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, hide_input_in_errors=True, extra="forbid"
    )

    database_url: DatabaseUrl = Field(
        description="PostgreSQL: `postgresql://user:password@host:port/database`"
    )
    kafka_bootstrap: Servers = Field(description="Brokers to begin with: `host:port`, separated by commas")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How brokers are spoken to"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = Field(
        None, description="How to log in, with `SASL_PLAINTEXT` and `SASL_SSL`"
    )
    kafka_sasl_username: str | None = Field(None, description="Who logs in")
    kafka_sasl_password: SecretStr | None = Field(None, description="Their password")
    kafka_ssl_ca_file: ExistingFile | None = Field(
        None, description="Certificates that brokers are checked by (PEM), in place of the system's"
    )
    kafka_ssl_cert_file: ExistingFile | None = Field(None, description="Our own certificate (PEM)")
    kafka_ssl_key_file: ExistingFile | None = Field(None, description="Its key (PEM)")
    kafka_ssl_key_password: SecretStr | None = Field(None, description="The password of the key")
    kafka_ssl_check_hostname: bool = Field(
        True, description="Whether a broker's certificate must bear its host name"
    )
    kafka_group: str = Field(
        "engagement",
        pattern=r"^[A-Za-z0-9._-]{1,100}$",
        description="Consumer group under which positions are shown to Kafka's tools",
    )
    topic_prefix: str = Field(
        "", pattern=r"^[A-Za-z0-9._-]{0,50}$", description="Put before the name of every topic"
    )
    topics: TopicNames = Field(INPUT_TOPICS, description="Topics that are consumed, separated by commas")
    start: Literal["earliest", "latest"] = Field(
        "earliest", description="Where a lane never seen before starts; partitions added later start at 0"
    )
    batch_records: int = Field(
        5000, ge=1, le=20_000, description="The most records that one batch (one transaction) takes"
    )
    pipelines: int = Field(
        2, ge=1, le=8, description="Pipelines of a worker, each with a connection and lanes of its own"
    )
    relay: Literal["transactional", "plain"] = Field(
        "transactional",
        description="How messages are published: exactly once, or at least once for a broker without transactions",
    )
    claim_window: Duration = Field(
        timedelta(days=90),
        ge=timedelta(days=8),
        le=timedelta(days=3660),
        description="How long an event key is remembered after it was applied",
    )
    input_partitions: Partitions = Field(
        12, description="Partitions of input topics created by `engagement topics`"
    )
    output_partitions: Partitions = Field(
        12, description="Partitions of output topics created by `engagement topics`"
    )
    topic_replication: int | None = Field(
        None, ge=1, le=9, description="Their replicas; if unset 3, or as many as there are brokers"
    )
    http_host: str = Field(
        "0.0.0.0",  # noqa: S104 - probes and Prometheus come from outside the container
        min_length=1,
        description="Address of `/livez`, `/readyz` and `/metrics`, and of the API",
    )
    http_port: int = Field(8080, ge=0, le=65_535, description="Its port; 0 takes any that is free")
    jwt_secret: SecretStr | None = Field(
        None,
        min_length=32,
        description="What tokens of the API are signed with (HS256), 32 characters at least",
    )
    jwt_jwks: KeySource | None = Field(
        None,
        description="In place of a secret: where the issuer's public keys are, an address or a file (RS256, ES256)",
    )
    jwt_issuer: str | None = Field(None, min_length=1, description="What claim `iss` of tokens must be")
    jwt_audience: str | None = Field(
        None, min_length=1, description="What claim `aud` of tokens must be or hold"
    )
    web_connections: int = Field(
        8, ge=1, le=100, description="Connections to the database that one `engagement web` opens at most"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least severe lines that are logged"
    )
    log_format: Literal["json", "console"] = Field(
        "json", description="One JSON object a line, or for reading"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        values = {name: getattr(self, name) for name in type(self).model_fields}
        if faults := _contradictions(values):
            raise ValueError("; ".join(faults))
        return self

    def dsn(self) -> str:
        """Return the database's URL with its password: for connecting, never for printing."""
        return self.database_url.get_secret_value()

    def topic(self, name: str) -> str:
        """Return a topic's name in this installation."""
        return f"{self.topic_prefix}{name}"

    def redacted(self) -> dict[str, str]:
        """Return all settings by variable, as they may be shown to anyone."""
        return {variable(name): _shown(name, getattr(self, name)) for name in type(self).model_fields}


def load(*, unneeded: frozenset[str] = frozenset()) -> Settings:
    """Return the settings made in the process's environment.

    unneeded: of 'database_url' and 'kafka_bootstrap', what the caller will not use and so may be missing.
    Raises SettingsError with every fault there is.
    """
    made = {name: _UNSET[name] for name in unneeded} | EnvSettingsSource(Settings)()
    try:
        return Settings(**made)
    except ValidationError as error:
        # Pydantic looks for contradictions only where nothing else is wrong; here all is told at once.
        single = [_fault(fault, made) for fault in error.errors(include_url=False) if fault["loc"]]
        raise SettingsError(single + _contradictions(made)) from None


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + name.upper()


def markdown_table() -> str:
    """Return the README's table of all settings."""
    rows = ["| variable | default | meaning |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        default = "required" if field.is_required() else f"`{_shown(name, field.default)}`"
        if default == "``":
            default = "none"
        values = [f"`{value}`" for value in _choices(field.annotation)]
        one_of = f" ({', '.join(values)})" if values else ""
        rows.append(f"| `{variable(name)}` | {default} | {field.description}{one_of} |")
    return "\n".join(rows)


def _contradictions(values: Mapping[str, Any]) -> list[str]:
    """Return what is wrong between settings that are right by themselves."""
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
            f"{variable('jwt_secret')} and {variable('jwt_jwks')} are two ways, only one may be set"
        )
    certificate, key = "kafka_ssl_cert_file", "kafka_ssl_key_file"
    if bool(values.get(certificate)) != bool(values.get(key)):
        faults.append(f"{variable(certificate)} and {variable(key)} go together, one is missing")
    return faults


def _fault(error: Any, made: Mapping[str, Any]) -> str:
    name = str(error["loc"][0])
    if error["type"] == "missing":
        return f"{variable(name)} is missing"
    message = error["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    if _is_secret(name):
        return f"{variable(name)} {message}"
    return f"{variable(name)} {message}, not {made[name]!r}"


def _is_secret(name: str) -> bool:
    return "SecretStr" in repr(Settings.model_fields[name].annotation)


def _choices(annotation: Any) -> tuple[str, ...]:
    for option in (annotation, *get_args(annotation)):
        if getattr(option, "__origin__", None) is Literal:
            return get_args(option)
    return ()


def _shown(name: str, value: Any) -> str:
    if name == "database_url" and value is not None:
        return _without_password(value.get_secret_value())
    match value:
        case SecretStr():
            return "***"
        case timedelta():
            seconds = int(value.total_seconds())
            unit = next(unit for unit in "dhms" if seconds % _SECONDS[unit] == 0)
            return f"{seconds // _SECONDS[unit]}{unit}"
        case tuple():
            return ",".join(value)
        case bool():
            return str(value).lower()
    return "" if value is None else str(value)


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    user = parts.username or ""
    user += ":***" if parts.password is not None else ""
    address = parts.netloc.rpartition("@")[2]
    query = "&".join(
        f"{key}={'***' if 'pass' in key.lower() else value}" for key, value in parse_qsl(parts.query)
    )
    return f"{parts.scheme}://{user}{'@' if user else ''}{address}{parts.path}{'?' if query else ''}{query}"


if __name__ == "__main__":
    print(markdown_table())  # noqa: T201 - for whoever keeps the README
