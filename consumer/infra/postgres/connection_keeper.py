"""Keeps one connection to Postgres for a task, and opens a new one after it was lost or dropped.

No connection stays open, however the task ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from consumer.infra.postgres.errors import retry_reason

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from consumer.infra.postgres.connection import Connection


class ConnectionKeeper:
    """At most one open connection; leaving it as a context manager drops it.

    connect: opens one. prepare: runs on each new connection before `get` returns it.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        prepare: Callable[[Connection], Awaitable[object]] | None = None,
    ) -> None:
        self._connect = connect
        self._prepare = prepare
        self._connection: Connection | None = None

    @property
    def held(self) -> Connection | None:
        """The open connection, or None."""
        return self._connection

    async def get(self) -> Connection:
        """Return the open connection, or a new one; raises what `connect` and `prepare` raise."""
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._connect()
            if self._prepare is not None:
                try:
                    await self._prepare(self._connection)
                except BaseException:
                    self.drop()
                    raise
        return self._connection

    async def roll_back(self) -> None:
        """Roll back the transaction, or drop the connection where that fails."""
        if self._connection is None:
            return
        try:
            await self._connection.execute("rollback")
        except Exception as error:
            if retry_reason(error) is None:
                raise
            self.drop()

    def drop(self) -> None:
        """Terminate the connection at once, without waiting for the server."""
        if self._connection is not None:
            # Not close(): that waits for a server which may be frozen.
            self._connection.terminate()
            self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.drop()
