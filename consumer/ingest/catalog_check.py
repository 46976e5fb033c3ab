"""Checks that the catalog by which a batch was matched is still the one in force for its accounts.

To be asked when the batch holds its contacts: what it then does of each of them comes after all that was done by an
older catalog, and before all that is done by a newer one (docs/decisions/0026).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.infra.postgres.connection import fetch_one
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Collection

    from consumer.infra.postgres.connection import Connection
    from consumer.ingest.batch import TriagedBatch

_SQL = queries("batch")


class StaleCatalogError(Exception):
    """The configuration has changed since the batch was triaged: load the catalog and triage again.

    accounts: keys of those accounts of the batch that have changed; empty if something else has.
    """

    def __init__(self, accounts: Collection[str] = ()) -> None:
        super().__init__(*sorted(accounts))
        self.accounts = frozenset(accounts)


async def require_unchanged(connection: Connection, batch: TriagedBatch) -> bool:
    """Raise StaleCatalogError if one of the batch's accounts has changed; return whether any other account has."""
    row = await fetch_one(connection, _SQL["changed_accounts"], batch.revision)
    changed = batch.accounts & set(row["accounts"])
    if changed or row["revision"] < batch.revision:  # Postgres has lost commits
        raise StaleCatalogError(changed)
    return bool(row["accounts"])
