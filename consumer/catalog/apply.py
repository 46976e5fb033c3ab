"""Applying a document to an account.

Owns that a document is a change like any other (change.py). Never decides what it means (merge.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.catalog import repository
from consumer.catalog.change import change_account
from consumer.catalog.diff import differences
from consumer.catalog.document.parse import account_named_in, parse_document

if TYPE_CHECKING:
    from consumer.catalog.diff import Difference
    from consumer.catalog.document.model import CatalogDocument
    from consumer.catalog.model.account import AccountCatalog
    from consumer.infra.postgres.connection import Connection


async def apply_document(
    connection: Connection, document: CatalogDocument, *, by: str = "catalog apply"
) -> list[Difference]:
    """Apply a document, creating a missing account; returns what it changed and what waits for a publish.

    Holds for batches begun after it returned; what it publishes over history has only begun then. `by` is who did
    it, for the audit trail. A document that changes nothing raises no revision and waits for no batch.

    Raises DocumentFaultsError where the document does not fit the account, and what asyncpg raises; nothing is
    applied then.
    """
    found: list[Difference] = []

    def make(before: AccountCatalog) -> AccountCatalog:
        nonlocal found
        found, after = differences(before, document)
        return after

    await change_account(connection, document.account, make, by=by)
    return found


async def parse_against_stored(
    connection: Connection, text: str | bytes, account: str | None = None
) -> CatalogDocument:
    """Return the document of a text, checked against the account as stored, so that all faults come together.

    account: as for `parse`. Raises DocumentFaultsError.
    """
    named = account_named_in(text, account)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        state = await repository.read(connection, named or "")
    return parse_document(text, account=account, stored=state)
