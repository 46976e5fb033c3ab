"""The types of settings: how a text of an environment variable becomes a value, and what is wrong with it if not.

Messages follow the variable's name: "must be …".
"""

from __future__ import annotations

import re
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from consumer.infra.usable_cores import usable_cores
from schemas.vocabulary import OUTPUT_TOPICS, POSITIONS_TOPIC

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_DURATION = re.compile(r"(\d{1,9})([smhd])", re.ASCII)
_TOPIC_NAME = re.compile(r"[a-zA-Z0-9._-]{1,200}", re.ASCII)
_SERVER = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})", re.ASCII)
# As browsers send them: in lower case.
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?", re.ASCII)
_DATABASE_SERVER = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._%-]*)(:\d{1,5})?", re.ASCII)
_DATABASE_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
_MAX_PROCESSES = 64


def _database_url(secret: SecretStr) -> SecretStr:
    encode = "special characters in a password must be percent-encoded"
    try:
        parts = urlsplit(secret.get_secret_value())
    except ValueError:
        # urllib's own message may quote the password.
        raise ValueError(f"is not a URL ({encode})") from None
    if parts.scheme not in {"postgresql", "postgres"}:
        raise ValueError("must begin with postgresql://")
    if parts.fragment or "@" in parts.path or "@" in parts.query:
        raise ValueError(f"has a # or @ in the wrong place ({encode})")
    if not all(_DATABASE_SERVER.fullmatch(server) for server in parts.netloc.rpartition("@")[2].split(",")):
        raise ValueError(f"has no valid host:port ({encode})")
    for name, value in parse_qsl(parts.query):
        if name in _DATABASE_FILES and not Path(value).is_file():
            raise ValueError(f"must name an existing file in {name}")
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
        raise ValueError("must be topic names separated by commas")
    if len(set(names)) < len(names):
        raise ValueError("has a topic twice")
    if written := [name for name in names if name in (*OUTPUT_TOPICS, POSITIONS_TOPIC)]:
        raise ValueError(f"must not contain {written[0]}, which this service writes itself")
    return names


def _origins(origins: tuple[str, ...]) -> tuple[str, ...]:
    if not all(origin == "*" or _ORIGIN.fullmatch(origin) for origin in origins):
        raise ValueError(
            "must be origins like https://app.example.com, without a path, separated by commas; or *"
        )
    if "*" in origins and len(origins) > 1:
        raise ValueError("must be * alone, or origins without it")
    return origins


def _networks(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return tuple(ip_network(name.strip()) for name in value.split(","))
    except ValueError:
        raise ValueError("must be networks like 10.0.0.0/8 or 2001:db8::/32, separated by commas") from None


def _limits_url(secret: SecretStr) -> SecretStr:
    if urlsplit(secret.get_secret_value()).scheme not in {"redis", "rediss", "valkey", "valkeys"}:
        raise ValueError("must begin with redis://, rediss://, valkey:// or valkeys://")
    return secret


def _web_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"https", "http"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be an address like https://engagement.example.com")
    return value.rstrip("/")


def _roles(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    found: dict[str, tuple[str, ...]] = {}
    for each in value.split(","):
        role, _, permissions = each.strip().partition("=")
        names = tuple(permissions.split("+"))
        if not role or not set(names) <= {"read", "manage", "operate"}:
            raise ValueError("must be roles with permissions like sales=read,manager=read+manage")
        found[role] = names
    return found


def _servers(value: str) -> str:
    if not all(_SERVER.fullmatch(server.strip()) for server in value.split(",")):
        raise ValueError("must be host:port, several separated by commas")
    return ",".join(server.strip() for server in value.split(","))


def _key_source(value: str) -> str:
    if "://" not in value:
        _file(Path(value))
    elif urlsplit(value).scheme not in {"http", "https"}:
        raise ValueError("must be a file, or a URL that begins with https:// or http://")
    return value


def process_count(text: str) -> int:
    """Return the number of worker processes that a text asks for; raises ValueError."""
    if text.strip().lower() == "auto":
        return min(usable_cores(), _MAX_PROCESSES)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= _MAX_PROCESSES:
        raise ValueError(f"must be 'auto' or a whole number from 1 to {_MAX_PROCESSES}")
    return int(text)


def _process_count(value: Any) -> Any:
    return process_count(value) if isinstance(value, str) else value


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _file(path: Path) -> Path:
    if not path.is_file():
        raise ValueError("must be an existing file")
    return path


DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]
Duration = Annotated[timedelta, BeforeValidator(_duration)]
Servers = Annotated[str, AfterValidator(_servers)]
TopicNames = Annotated[
    tuple[str, ...], NoDecode, BeforeValidator(_names), Field(min_length=1), AfterValidator(_topics)
]
Origins = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names), AfterValidator(_origins)]
Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_networks)]
Roles = Annotated[dict[str, tuple[str, ...]], NoDecode, BeforeValidator(_roles)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
LimitsUrl = Annotated[SecretStr, AfterValidator(_limits_url)]
ExistingFile = Annotated[Path, AfterValidator(_file)]
KeySource = Annotated[str, AfterValidator(_key_source)]
ProcessCount = Annotated[int, BeforeValidator(_process_count), Field(ge=1, le=_MAX_PROCESSES)]
Partitions = Annotated[int, Field(ge=1, le=10_000)]
Days = Annotated[int, Field(ge=0, le=3660)]
Limit = Annotated[int, Field(ge=1, le=1_000_000)]
LogLevel = Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)]
LogFormat = Annotated[Literal["json", "console"], BeforeValidator(_lower)]
