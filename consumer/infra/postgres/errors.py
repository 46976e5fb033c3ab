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
    # another transaction has claimed an event or created a contact since this one looked (_RACES)
    (asyncpg.UniqueViolationError, RetryReason.SERIALIZATION),
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

# Of rows that two transactions may make at the same time; who comes second finds them when it looks again.
_RACES = frozenset({"claims_pkey", "contacts_external_id_unique"})


class DatabaseTlsError(ConnectionError):
    """The TLS handshake with the database failed; the message says why, and which part of the URL to check."""


def retry_reason(error: BaseException) -> RetryReason | None:
    """Return why the whole unit of work should be retried after an error, None where it should not."""
    # asyncpg's own: the URL asks for something impossible, which no retry changes
    if is_data_error(error) or isinstance(error, ClientConfigurationError):
        return None
    return next((reason for kind, reason in _RETRYABLE if isinstance(error, kind)), None)


def is_data_error(error: BaseException) -> bool:
    """Return True if Postgres refused the data itself: SQLSTATE classes 22, 23 and 54, unless it was a race."""
    if not isinstance(error, asyncpg.PostgresError) or error.constraint_name in _RACES:
        return False
    return (error.sqlstate or "")[:2] in {"22", "23", "54"}
