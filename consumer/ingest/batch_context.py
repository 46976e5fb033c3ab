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
        self._is_stale = False
        self._partitions: set[timeline_partitions.Month] = set()
        self.shards = 0
        self.weights = Weights()

    async def catalog(self) -> CatalogSnapshot:
        """Return the catalog as it was read last; reads it where `forget_catalog` was called."""
        if self._catalog is None or self._is_stale:
            connection = await self.database.get()
            snapshot = await catalog.load_snapshot(connection, self._catalog)
            # After the snapshot: a change of the shards in between raises the revision, so both are read again.
            self.shards = await connection.fetchval("select shards from installation")
            self._forget_weights(snapshot)
            self._catalog, self._is_stale = snapshot, False
        return self._catalog

    def forget_catalog(self) -> None:
        """Read what has changed of the catalog when it is next needed."""
        self._is_stale = True

    def _forget_weights(self, snapshot: CatalogSnapshot) -> None:
        """Forget the weights of accounts that have changed; of their definitions, those before and after it."""
        before = self._catalog.accounts if self._catalog else {}
        for key, account in snapshot.accounts.items():
            known = before.get(key)
            if known is not None and known is not account:
                self.weights.forget(account.id, known.definition_ids() | account.definition_ids())

    async def prepare_partitions(self, instants: Iterable[int]) -> None:
        """Create the timeline's partitions for these instants (microseconds since 1970) where they are missing."""
        missing = timeline_partitions.months_of(instants) - self._partitions
        if missing:
            self._partitions |= await timeline_partitions.create(await self.database.get(), missing)
