"""Classifies errors of Postgres: transient, refused data, or neither.

The class decides what happens to a batch: retry it, divide it, or crash. Transient is everything that passes
without a change of data, program or settings, whatever a server, a standby or a pooler answers meanwhile.
"""

from __future__ import annotations

import asyncpg
from asyncpg.exceptions import ClientConfigurationError

from schemas.vocabulary import RetryReason

_RETRYABLE: tuple[tuple[type[BaseException], RetryReason], ...] = (
    (asyncpg.DeadlockDetectedError, RetryReason.DEADLOCK),
    (asyncpg.LockNotAvailableError, RetryReason.LOCK_TIMEOUT),
    # another transaction has claimed an event or created a contact since this one looked (_RACES)
    (asyncpg.UniqueViolationError, RetryReason.SERIALIZATION),
    (asyncpg.QueryCanceledError, RetryReason.STATEMENT_TIMEOUT),
    # a table was altered since the connection prepared the statement; a new connection prepares it again
    (asyncpg.InvalidCachedStatementError, RetryReason.CONNECTION),
    # the connection does not have the statements that were prepared on it: a pooler gave it another session
    (asyncpg.DuplicatePreparedStatementError, RetryReason.CONNECTION),
    # asyncpg's own: used after it was closed, or closed during an operation
    (asyncpg.InterfaceError, RetryReason.CONNECTION),
    # asyncpg's own: the server's message that ends the session crossed the next request
    (asyncpg.InternalClientError, RetryReason.CONNECTION),
    (OSError, RetryReason.CONNECTION),
    (TimeoutError, RetryReason.CONNECTION),
)

# By the class of the SQLSTATE, its first two characters.
_RETRYABLE_CLASSES = {
    # the connection, and what poolers answer in the server's place
    "08": RetryReason.CONNECTION,
    # the state of the transaction: read-only after a fail-over, ended because this worker was frozen
    "25": RetryReason.CONNECTION,
    # a prepared statement is missing: see DuplicatePreparedStatementError
    "26": RetryReason.CONNECTION,
    "40": RetryReason.SERIALIZATION,
    # out of connections, memory or disk
    "53": RetryReason.CONNECTION,
    # an object is in use, or not ready yet
    "55": RetryReason.CONNECTION,
    # shutting down, restarting, crashed
    "57": RetryReason.CONNECTION,
    # the server's system: files and input or output
    "58": RetryReason.CONNECTION,
    # a snapshot too old
    "72": RetryReason.CONNECTION,
    # the server's own errors, such as a row of the system catalog that changed under a statement
    "XX": RetryReason.CONNECTION,
}

# Of rows that two transactions may make at the same time; who comes second finds them when it looks again.
_RACES = frozenset({"claims_pkey", "contacts_external_id_unique"})


class DatabaseTlsError(ConnectionError):
    """The TLS handshake with the database failed; the message says why, and which part of the URL to check."""


_STORED_CHARACTERS = 500


def retry_reason(error: BaseException) -> RetryReason | None:
    """Return why the whole unit of work should be retried after an error, None where it should not.

    To be retried on a new connection: this one may lead to a server that no longer is the right one.
    """
    # asyncpg's own: the URL asks for something impossible, which no retry changes
    if is_data_error(error) or isinstance(error, ClientConfigurationError):
        return None
    for kind, reason in _RETRYABLE:
        if isinstance(error, kind):
            return reason
    return _RETRYABLE_CLASSES.get(_sqlstate_class(error))


def is_time_out(error: BaseException) -> bool:
    """Return True if Postgres ended a statement that took too long, or a transaction in which nothing came.

    Only what the server says counts: a client's own time-out says nothing of the statement, and a wait for a lock
    has a class of its own.
    """
    return isinstance(error, asyncpg.QueryCanceledError | asyncpg.IdleInTransactionSessionTimeoutError) or (
        # The server's message of an idle transaction crossed the next request.
        isinstance(error, asyncpg.ConnectionDoesNotExistError) and "idle-in-transaction" in str(error)
    )


def is_data_error(error: BaseException) -> bool:
    """Return True if Postgres refused the data itself: SQLSTATE classes 22, 23 and 54, unless it was a race."""
    if not isinstance(error, asyncpg.PostgresError) or error.constraint_name in _RACES:
        return False
    return _sqlstate_class(error) in {"22", "23", "54"}


def stored_text(error: BaseException) -> str:
    """Return what is stored of an error: its kind and the first 500 characters, none of which Postgres refuses."""
    return f"{type(error).__name__}: {error}"[:_STORED_CHARACTERS].replace("\0", "")


def _sqlstate_class(error: BaseException) -> str:
    """Return the class of a server's error, empty for other errors."""
    return (error.sqlstate or "")[:2] if isinstance(error, asyncpg.PostgresError) else ""
