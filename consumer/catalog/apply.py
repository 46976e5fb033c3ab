"""Applies a catalog document to an account, as a change like any other (change.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.catalog import repository
from consumer.catalog.change import change_catalog
from consumer.catalog.diff import differences
from consumer.catalog.document.parse import account_named_in, parse_document
from consumer.catalog.model.limits import DEFAULT_LIMITS

if TYPE_CHECKING:
    from consumer.catalog.diff import Difference
    from consumer.catalog.document.model import CatalogDocument
    from consumer.catalog.model.account import AccountCatalog
    from consumer.catalog.model.limits import CatalogLimits
    from consumer.infra.postgres.connection import Connection


async def apply_document(
    connection: Connection,
    document: CatalogDocument,
    *,
    by: str = "catalog apply",
    limits: CatalogLimits = DEFAULT_LIMITS,
) -> list[Difference]:
    """Apply a document, creating a missing account; return what it changed and what waits for a publish.

    It is in force for batches begun after the return; a publish that needs new scores has only begun by then. `by`
    is the actor in the audit trail. A document without changes raises no revision and waits for no batch.

    Raises DocumentFaultsError where the document does not fit the account or exceeds a limit, and what asyncpg
    raises; then nothing is applied. Limits are checked under the lock, against what other changes left.
    """
    applied: list[Difference] = []

    def edit(before: AccountCatalog) -> AccountCatalog:
        nonlocal applied
        applied, after = differences(before, document, limits)
        return after

    await change_catalog(connection, document.account, edit, by=by)
    return applied


async def parse_against_stored(
    connection: Connection,
    text: str | bytes,
    account: str | None = None,
    *,
    limits: CatalogLimits = DEFAULT_LIMITS,
) -> CatalogDocument:
    """Return the document of a text, checked against the stored account too, so that all faults come together.

    account: as for `parse_document`. Raises DocumentFaultsError.
    """
    key = account_named_in(text, account)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        stored = await repository.read(connection, key or "")
    return parse_document(text, account=account, stored=stored, limits=limits)
