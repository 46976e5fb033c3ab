"""What a batch needs before its transaction: a connection, the catalog, the shards, the timeline's partitions.

Each is read when it is missing and kept for the batches that follow. No transaction is left open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer import catalog
from consumer.contact_state.weights import Weights
from consumer.infra.postgres.connection_keeper import ConnectionKeeper
from consumer.ingest import timeline_partitions

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from consumer.catalog import CatalogSnapshot
    from consumer.infra.postgres.connection import Connection


class BatchContext:
    """The connection of one pipeline, and what was read through it.

    shards: of the outbox, and weights, as of the catalog; 0 and none before it is read.
    """

    def __init__(self, connect: Callable[[], Awaitable[Connection]]) -> None:
        self.database = ConnectionKeeper(connect)
        self._catalog: CatalogSnapshot | None = None
        self._partitions: set[timeline_partitions.Month] = set()
        self.shards = 0
        self.weights = Weights()

    async def catalog(self) -> CatalogSnapshot:
        """Return the catalog as it was read last; reads it where `forget_catalog` was called."""
        if self._catalog is None:
            connection = await self.database.get()
            snapshot = await catalog.load_snapshot(connection)
            # After the snapshot: a change of the shards in between raises the revision, so both are read again.
            self.shards = await connection.fetchval("select shards from installation")
            self.weights = Weights()
            self._catalog = snapshot
        return self._catalog

    def forget_catalog(self) -> None:
        """Read the catalog again when it is next needed: configuration has changed."""
        self._catalog = None

    async def prepare_partitions(self, instants: Iterable[int]) -> None:
        """Create the timeline's partitions for these instants (microseconds since 1970) where they are missing."""
        missing = timeline_partitions.months_of(instants) - self._partitions
        if missing:
            self._partitions |= await timeline_partitions.create(await self.database.get(), missing)
