"""A connection to Postgres that one task keeps: opened when it is wanted, given up in doubt, opened anew.

Owns that none is left open, however the task ends. Never decides what is a doubt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from consumer.db import Connection


class KeptConnection:
    """At most one open connection; as a context manager it leaves none.

    connect: how to open one. prepare: what to do on each new one before it is given out.
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
        """The connection as it was given out last, None where there is none now."""
        return self._connection

    async def get(self) -> Connection:
        """Return the connection, a new one if there is none or it was lost; raises what connecting raises."""
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._connect()
            if self._prepare is not None:
                try:
                    await self._prepare(self._connection)
                except BaseException:
                    self.drop()
                    raise
        return self._connection

    def drop(self) -> None:
        """Give it up at once: nobody knows what state it is in, or nobody wants it any more."""
        if self._connection is not None:
            # Not close(): that waits for a server which may be frozen.
            self._connection.terminate()
            self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.drop()
