"""What an error of Postgres means: worth another try, refused data, or neither.

The three classes decide what becomes of a batch: try it again, divide it, or crash.
"""

from __future__ import annotations

import asyncpg
from asyncpg.exceptions import ClientConfigurationError

from schemas.names import RetryReason

_RETRYABLE: tuple[tuple[type[BaseException], RetryReason], ...] = (
    (asyncpg.SerializationError, RetryReason.SERIALIZATION),
    (asyncpg.DeadlockDetectedError, RetryReason.DEADLOCK),
    (asyncpg.LockNotAvailableError, RetryReason.LOCK_TIMEOUT),
    (asyncpg.QueryCanceledError, RetryReason.STATEMENT_TIMEOUT),
    (asyncpg.PostgresConnectionError, RetryReason.CONNECTION),
    # shutting down, restarting, crashed, out of connections or memory: it comes back
    (asyncpg.OperatorInterventionError, RetryReason.CONNECTION),
    (asyncpg.InsufficientResourcesError, RetryReason.CONNECTION),
    # the server ended an idle transaction: this worker was frozen
    (asyncpg.IdleInTransactionSessionTimeoutError, RetryReason.CONNECTION),
    # asyncpg's own: used while closed, or closed in mid-operation
    (asyncpg.InterfaceError, RetryReason.CONNECTION),
    # asyncpg's own: what the server said when it ended the session met the next request on its way
    (asyncpg.InternalClientError, RetryReason.CONNECTION),
    (OSError, RetryReason.CONNECTION),
    (TimeoutError, RetryReason.CONNECTION),
)


class DatabaseTlsError(ConnectionError):
    """There is no TLS with the database; the message says why, and what in the URL to look at."""


def retry_reason(error: BaseException) -> RetryReason | None:
    """Return why an error is worth another try of the whole unit of work, None where it is not."""
    # asyncpg's own: what the URL says cannot be carried out, now or later
    if is_data_error(error) or isinstance(error, ClientConfigurationError):
        return None
    return next((reason for kind, reason in _RETRYABLE if isinstance(error, kind)), None)


def is_data_error(error: BaseException) -> bool:
    """Tell whether Postgres refused the data itself: SQLSTATE classes 22, 23 and 54."""
    return isinstance(error, asyncpg.PostgresError) and (error.sqlstate or "")[:2] in {"22", "23", "54"}
