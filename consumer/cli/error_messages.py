"""Which errors a command explains in a line, and which crash loudly with their traceback.

Owns that border. Never retries: a command that fails is run again by whoever ran it.
"""

from __future__ import annotations

import errno
import socket

import asyncpg
from aiokafka import errors as kafka_errors
from asyncpg.exceptions import ClientConfigurationError

from consumer.cli import CommandFailedError
from consumer.demo.servers import ServerFailedError
from consumer.domain.errors import UnknownAccountError
from consumer.infra import postgres
from consumer.infra.kafka.client import TopicsMissingError
from consumer.infra.postgres.migrate import SchemaTooNewError
from consumer.infra.settings import SettingsError, variable
from consumer.scoring.announce import RelayNotRunningError
from consumer.scoring.republish import NotPublishedError

# Errors of ours whose message is the line.
_OWN = (
    CommandFailedError,
    RelayNotRunningError,
    NotPublishedError,
    SchemaTooNewError,
    ServerFailedError,
    TopicsMissingError,
    UnknownAccountError,
)
_KAFKA_AWAY = (
    kafka_errors.KafkaConnectionError,
    kafka_errors.KafkaTimeoutError,
    kafka_errors.NodeNotReadyError,
    kafka_errors.RequestTimedOutError,
)
_KAFKA_REFUSES = (
    kafka_errors.AuthenticationFailedError,
    kafka_errors.SaslAuthenticationFailed,
    kafka_errors.IllegalSaslStateError,
    kafka_errors.UnsupportedSaslMechanismError,
    kafka_errors.TopicAuthorizationFailedError,
    kafka_errors.ClusterAuthorizationFailedError,
    kafka_errors.GroupAuthorizationFailedError,
)


_DATABASE_REFUSES = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.ReadOnlySQLTransactionError,
)


def explained(error: BaseException) -> list[str] | None:
    """Return what to tell about an error that people can act on, None for one that nobody foresaw."""
    if isinstance(error, BaseExceptionGroup):
        parts = [explained(one) for one in error.exceptions]
        return None if None in parts else list(dict.fromkeys(line for part in parts for line in part or ()))
    if isinstance(error, SettingsError):
        return error.faults
    if isinstance(error, _OWN):
        return [str(error)]
    line = _about_kafka(error) or _about_postgres(error) or _about_the_machine(error)
    return None if line is None else [line]


def _about_kafka(error: BaseException) -> str | None:
    if isinstance(error, _KAFKA_AWAY):
        return f"Kafka cannot be reached: {_line(error)}"
    if isinstance(error, _KAFKA_REFUSES):
        return f"Kafka refuses: {_line(error)}"
    return None


def _about_postgres(error: BaseException) -> str | None:
    if isinstance(error, (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError)):
        return f"the database lacks the schema of this version, run `engagement migrate`: {_line(error)}"
    if isinstance(error, ClientConfigurationError):
        return f"{variable('database_url')} cannot be used: {_line(error)}"
    if isinstance(error, _DATABASE_REFUSES):
        return f"the database refuses: {_line(error)}"
    if isinstance(error, asyncpg.PostgresError) and postgres.retry_reason(error):
        return f"the database cannot do it now: {_line(error)}"
    return None


def _about_the_machine(error: BaseException) -> str | None:
    match error:
        case ConnectionError() | socket.gaierror():
            return f"cannot connect: {_line(error)}"
        case TimeoutError():
            return "no answer in time"
        case OSError(errno=errno.EADDRINUSE | errno.EADDRNOTAVAIL):
            return f"cannot listen: {_line(error)}"
        case FileNotFoundError() | IsADirectoryError() | PermissionError() if error.filename:
            return f"{error.filename}: {error.strerror}"
    return None


def _line(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else f"{text[:300]}…"  # noqa: PLR2004 - about three lines of a terminal
