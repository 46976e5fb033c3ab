"""Classifies errors of Postgres: transient, refused data, or neither.

The class decides what happens to a batch: retry it, divide it, or crash.
"""

from __future__ import annotations

import asyncpg
from asyncpg.exceptions import ClientConfigurationError

from schemas.vocabulary import RetryReason

_RETRYABLE: tuple[tuple[type[BaseException], RetryReason], ...] = (
    (asyncpg.SerializationError, RetryReason.SERIALIZATION),
    (asyncpg.DeadlockDetectedError, RetryReason.DEADLOCK),
    (asyncpg.LockNotAvailableError, RetryReason.LOCK_TIMEOUT),
    (asyncpg.QueryCanceledError, RetryReason.STATEMENT_TIMEOUT),
    (asyncpg.PostgresConnectionError, RetryReason.CONNECTION),
    # shutting down, restarting, crashed, out of connections or memory: it recovers
    (asyncpg.OperatorInterventionError, RetryReason.CONNECTION),
    (asyncpg.InsufficientResourcesError, RetryReason.CONNECTION),
    # the server ended an idle transaction: this worker was frozen
    (asyncpg.IdleInTransactionSessionTimeoutError, RetryReason.CONNECTION),
    # asyncpg's own: used after it was closed, or closed during an operation
    (asyncpg.InterfaceError, RetryReason.CONNECTION),
    # asyncpg's own: the server's message that ends the session crossed the next request
    (asyncpg.InternalClientError, RetryReason.CONNECTION),
    (OSError, RetryReason.CONNECTION),
    (TimeoutError, RetryReason.CONNECTION),
)


class DatabaseTlsError(ConnectionError):
    """The TLS handshake with the database failed; the message says why, and which part of the URL to check."""


def retry_reason(error: BaseException) -> RetryReason | None:
    """Return why the whole unit of work should be retried after an error, None where it should not."""
    # asyncpg's own: the URL asks for something impossible, which no retry changes
    if is_data_error(error) or isinstance(error, ClientConfigurationError):
        return None
    return next((reason for kind, reason in _RETRYABLE if isinstance(error, kind)), None)


def is_data_error(error: BaseException) -> bool:
    """Return True if Postgres refused the data itself: SQLSTATE classes 22, 23 and 54."""
    return isinstance(error, asyncpg.PostgresError) and (error.sqlstate or "")[:2] in {"22", "23", "54"}
