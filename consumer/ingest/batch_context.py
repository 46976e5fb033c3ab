"""What a batch needs before its transaction: a connection, the catalog, the shards, the timeline's partitions.

Each is read when it is missing and kept for the batches that follow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer import catalog
from consumer.contact_state.identity_facts import KNOWS_ERASED
from consumer.contact_state.weights import Weights
from consumer.infra.postgres.connection import fetch_one
from consumer.infra.postgres.connection_keeper import ConnectionKeeper
from consumer.infra.postgres.revision_lock import LOOK_UP_BY_KEY, begin_shared
from consumer.ingest import timeline_partitions

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable
    from collections.abc import Set as AbstractSet

    from consumer.catalog import CatalogSnapshot
    from consumer.infra.postgres.connection import Connection


class BatchContext:
    """The connection of one pipeline, and what was read through it.

    shards: of the outbox, salt, weights: as of the catalog. may_erase: all programs that may run know contacts
    without ids.
    """

    def __init__(self, connect: Callable[[], Awaitable[Connection]]) -> None:
        self.database = ConnectionKeeper(connect)
        # Accounts (by key) of which the catalog is read; None: all.
        self._only: AbstractSet[str] | None = None
        self._catalog: CatalogSnapshot | None = None
        self._is_stale = False
        # Accounts (by key) that changed while a batch was matched: the next try does not let them.
        self._to_hold: set[str] = set()
        self._partitions: set[timeline_partitions.Month] = set()
        self.shards = 0
        self.salt = b""
        self.may_erase = False
        self.weights = Weights()

    async def catalog(self) -> CatalogSnapshot:
        """Return the catalog as it was read last; reads it where `forget_catalog` was called.

        If that was for accounts that have changed, this begins the transaction, in which they do not change again.
        """
        if self._to_hold:
            await begin_shared(await self.database.get(), LOOK_UP_BY_KEY, accounts=sorted(self._to_hold))
        if self._catalog is None or self._is_stale:
            connection = await self.database.get()
            snapshot = await catalog.load_snapshot(connection, self._catalog, only=self._only)
            # The batch's transaction compares the shards with what they are then.
            installation = await fetch_one(
                connection, "select shards, salt, schema_version as oldest_program from installation"
            )
            self.shards, self.salt = installation["shards"], installation["salt"]
            self.may_erase = installation["oldest_program"] >= KNOWS_ERASED
            self._forget_weights(snapshot)
            self._catalog, self._is_stale = snapshot, False
        return self._catalog

    def look_at(self, accounts: AbstractSet[str]) -> None:
        """Read the catalog of these accounts alone: for a few events of few accounts, while others wait."""
        if self._only is None or not accounts <= self._only:
            self._only = accounts
            self._catalog = None
            self.weights = Weights()

    def forget_catalog(self, changed: Collection[str] = ()) -> None:
        """Read what has changed of the catalog when it is next needed.

        changed: accounts of a batch that is tried again for their change. However often they change, the second try
        is not in vain.
        """
        self._is_stale = True
        self._to_hold.update(changed)

    async def begin(self) -> Connection:
        """Begin the batch's transaction, unless `catalog` has, and return its connection."""
        connection = await self.database.get()
        if not connection.is_in_transaction():
            await begin_shared(connection, LOOK_UP_BY_KEY)
        return connection

    def committed(self, *, has_changed: bool) -> None:
        """Note a commit. has_changed: the catalog has, without a difference to the batch."""
        self._to_hold.clear()
        if has_changed:
            self.forget_catalog()

    def _forget_weights(self, snapshot: CatalogSnapshot) -> None:
        """Forget the weights of accounts that have changed; of their definitions, those before and after it."""
        if self._catalog and snapshot.revision < self._catalog.revision:
            self.weights = Weights()  # Postgres has lost commits
            return
        before = self._catalog.accounts if self._catalog else {}
        for key, account in snapshot.accounts.items():
            known = before.get(key)
            if known is not None and known is not account:
                self.weights.forget(account.id, known.definition_ids() | account.definition_ids())

    async def prepare_partitions(self, instants: Iterable[int]) -> None:
        """Create the timeline's partitions for these instants (microseconds since 1970) where they are missing."""
        missing = timeline_partitions.months_of(instants) - self._partitions
        if missing:
            connection = await self.database.get()
            if connection.is_in_transaction():
                # Else all would wait for this batch, to see the partition. The check of the catalog will do.
                await self.database.roll_back()
                connection = await self.database.get()
            self._partitions |= await timeline_partitions.create(connection, missing)
