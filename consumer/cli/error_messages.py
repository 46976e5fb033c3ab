"""Turns an error that the user can act on into one line; any other error is a defect and keeps its traceback."""

from __future__ import annotations

import socket

import asyncpg
from aiokafka import errors as kafka_errors
from asyncpg.exceptions import ClientConfigurationError

from consumer.catalog.shut_out_older import OlderProgramsError
from consumer.cli import CommandFailedError
from consumer.demo.servers import ServerFailedError
from consumer.domain.errors import UnknownAccountError
from consumer.infra import postgres
from consumer.infra.http_server import CannotListenError
from consumer.infra.kafka.client import TopicsMissingError
from consumer.infra.postgres.migrate import ProgramsRunningError
from consumer.infra.postgres.migration_steps import StepBlockedError
from consumer.infra.postgres.schema_version import SchemaVersionError
from consumer.infra.postgres.session import PoolerModeError
from consumer.infra.settings import SettingsError, variable
from consumer.relay.change_shards import OutboxNotDrainedError
from consumer.scoring.announce import RelayNotRunningError
from consumer.scoring.republish import NotPublishedError
from consumer.worker.supervisor import ProcessFailedError

# Our own errors whose message is the line.
_OWN = (
    CannotListenError,
    CommandFailedError,
    RelayNotRunningError,
    NotPublishedError,
    OlderProgramsError,
    OutboxNotDrainedError,
    PoolerModeError,
    ProgramsRunningError,
    SchemaVersionError,
    ServerFailedError,
    StepBlockedError,
    TopicsMissingError,
    UnknownAccountError,
)
_KAFKA_UNREACHABLE = (
    kafka_errors.KafkaConnectionError,
    kafka_errors.KafkaTimeoutError,
    kafka_errors.NodeNotReadyError,
    kafka_errors.RequestTimedOutError,
)
_KAFKA_REFUSALS = (
    kafka_errors.AuthenticationFailedError,
    kafka_errors.SaslAuthenticationFailed,
    kafka_errors.IllegalSaslStateError,
    kafka_errors.UnsupportedSaslMechanismError,
    kafka_errors.TopicAuthorizationFailedError,
    kafka_errors.ClusterAuthorizationFailedError,
    kafka_errors.GroupAuthorizationFailedError,
)
_SCHEMA_LACKS = (
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedFunctionError,
    asyncpg.UndefinedObjectError,
)
_DATABASE_REFUSALS = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.ReadOnlySQLTransactionError,
)


def explain(error: BaseException) -> list[str] | None:
    """Return one line for each thing the user can act on, None for a defect; a group with a defect is one."""
    if isinstance(error, BaseExceptionGroup):
        parts = [explain(one) for one in error.exceptions]
        return None if None in parts else list(dict.fromkeys(line for part in parts for line in part or ()))
    if isinstance(error, SettingsError):
        return error.faults
    if isinstance(error, ProcessFailedError):
        return error.lines
    if isinstance(error, _OWN):
        return [str(error)]
    line = _explain_kafka(error) or _explain_postgres(error) or _explain_system(error)
    return None if line is None else [line]


def _explain_kafka(error: BaseException) -> str | None:
    if isinstance(error, _KAFKA_UNREACHABLE):
        return f"Kafka cannot be reached: {_line(error)}"
    if isinstance(error, _KAFKA_REFUSALS):
        return f"Kafka refused: {_line(error)}"
    return None


def _explain_postgres(error: BaseException) -> str | None:
    if isinstance(error, _SCHEMA_LACKS):
        return f"the database lacks the schema of this version, run `engagement migrate`: {_line(error)}"
    if isinstance(error, ClientConfigurationError):
        return f"{variable('database_url')} cannot be used: {_line(error)}"
    if isinstance(error, _DATABASE_REFUSALS):
        return f"the database refused: {_line(error)}"
    if isinstance(error, asyncpg.PostgresError) and postgres.retry_reason(error):
        return f"the database is temporarily unavailable: {_line(error)}"
    return None


def _explain_system(error: BaseException) -> str | None:
    match error:
        case ConnectionError() | socket.gaierror():
            return f"cannot connect: {_line(error)}"
        case TimeoutError():
            return "no answer in time"
        case FileNotFoundError() | IsADirectoryError() | PermissionError() if error.filename:
            return f"{error.filename}: {error.strerror}"
    return None


def _line(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else f"{text[:300]}…"  # noqa: PLR2004 - about three lines of a terminal
