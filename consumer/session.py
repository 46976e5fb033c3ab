"""One pipeline's connection to Postgres and what was read through it: shards, catalog, months of the timeline.

Owns opening, doubting and dropping the connection. Never begins a transaction of a batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer import catalog, months
from consumer.db import retry_reason
from consumer.kept import KeptConnection

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from consumer.catalog import Catalog
    from consumer.db import Connection
    from consumer.sorting import Matched


class Session:
    """Gives what a batch needs before its transaction, reading it when it is missing."""

    def __init__(self, connect: Callable[[], Awaitable[Connection]]) -> None:
        self._database = KeptConnection(connect, self._begin)
        self._catalog: Catalog | None = None
        self._months: set[months.Month] = set()
        self.shards = 0

    async def connection(self) -> Connection:
        """Return the connection, a new one if the last was dropped; raises what connecting raises."""
        return await self._database.get()

    async def catalog(self) -> Catalog:
        """Return the catalog as it was read last, reading it where it was forgotten."""
        if self._catalog is None:
            self._catalog = await catalog.load(await self.connection())
        return self._catalog

    def forget_catalog(self) -> None:
        """Read the catalog anew when it is wanted next: configuration has changed."""
        self._catalog = None

    async def prepare_months(self, matched: Sequence[Matched]) -> None:
        """See to it that the timeline has the months these events fall into."""
        missing = months.of(matched) - self._months
        if missing:
            self._months |= await months.create(await self.connection(), missing)

    async def roll_back(self) -> None:
        """End the transaction without effect, or drop the connection where that cannot be had."""
        if self._database.held is None:
            return
        try:
            await self._database.held.execute("rollback")
        except Exception as error:
            if retry_reason(error) is None:
                raise
            self.drop()

    def drop(self) -> None:
        """Give up the connection at once: after an error nobody knows what state it is in."""
        self._database.drop()

    async def _begin(self, connection: Connection) -> None:
        self.shards = await connection.fetchval("select shards from installation")
