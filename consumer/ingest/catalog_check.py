"""Checks that the catalog by which a batch was matched is still the one in force for its accounts.

To be asked when the batch holds its contacts: what it then does of each of them comes after all that was done by an
older catalog, and before all that is done by a newer one (docs/decisions/0026).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer.catalog import load_snapshot
from consumer.contact_state.weights import Weights
from consumer.domain.identity import hash_of
from consumer.infra.postgres.column_params import numbers
from consumer.ingest.stale_catalog import StaleCatalogError
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    import asyncpg

    from consumer.catalog import CatalogSnapshot
    from consumer.infra.postgres.connection import Connection
    from consumer.ingest.batch import TriagedBatch
    from consumer.ingest.lock_contacts import Person

_SQL = queries("batch")


@dataclass(frozen=True, slots=True)
class CatalogCheck:
    """has_changed: the catalog has, without a difference to the batch. has_deletions: contacts were deleted.

    erased: the rows of contacts that turned out to be erased, which are locked now.
    """

    has_changed: bool
    has_deletions: bool
    erased: Sequence[asyncpg.Record]


async def require_unchanged(
    connection: Connection,
    batch: TriagedBatch,
    weights: Weights,
    *,
    created: Sequence[Person] = (),
    salt: bytes = b"",
) -> CatalogCheck:
    """Raise StaleCatalogError if the batch would be another by the catalog in force.

    weights: that were read for the batch. created: ids of which the transaction has created rows, to be looked up
    among those that were erased. salt: of the installation. To be asked again where some were: this statement may
    have waited for their locks.
    """
    rows = await connection.fetch(
        _SQL["changed_accounts"],
        batch.catalog.revision,
        numbers([account for account, _ in created]),
        [hash_of(salt, account, name) for account, name in created],
    )
    row = rows[0]
    changed = batch.accounts & set(row["accounts"])
    if row["revision"] < batch.catalog.revision:  # Postgres has lost commits
        raise StaleCatalogError
    if changed and not await _is_same(connection, batch.catalog, changed, weights):
        raise StaleCatalogError(changed)
    erased = [row for row in rows if row["number"] is not None]
    return CatalogCheck(bool(row["accounts"]), row["has_deletions"], erased)


async def _is_same(
    connection: Connection, catalog: CatalogSnapshot, changed: AbstractSet[str], weights: Weights
) -> bool:
    """Return whether the accounts that have changed are the same for batches: names and drafts are not theirs."""
    now = await load_snapshot(connection, catalog)
    for key in changed:
        before, after = catalog.accounts.get(key), now.accounts[key]
        if before != after:
            return False
        reread = Weights()
        definitions = after.definition_ids() & weights.by_definition.keys()
        await reread.read_missing(
            connection, definitions=definitions, accounts={after.id} & weights.versions.keys()
        )
        if any(
            set(reread.by_definition[one]) != set(weights.by_definition[one]) for one in definitions
        ) or any(set(versions) != set(weights.versions[one]) for one, versions in reread.versions.items()):
            return False
    return True
