"""Applying a document to an account, in one transaction under the revision lock.

Owns the order: read, merge, write. Never decides what a document means (merge.py) nor how rows are written
(stored.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.catalog import stored
from consumer.catalog.differences import differences
from consumer.catalog.document import account_of, parse
from consumer.db import configuration_change

if TYPE_CHECKING:
    from consumer.catalog.differences import Difference
    from consumer.catalog.document import Document
    from consumer.catalog.state import State
    from consumer.db import Connection


async def apply(connection: Connection, document: Document, *, by: str = "catalog apply") -> list[Difference]:
    """Apply a document, creating a missing account; returns what it changed and what waits for a publish.

    Holds for batches begun after it returned; what it publishes over history has only begun then, under the name
    `by`. A document that changes nothing raises no revision and waits for no batch. Raises DocumentFaultsError
    where the document does not fit the account, and what asyncpg raises; nothing is applied then.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        before = await stored.read(connection, document.account)
    found, after = differences(before, document)
    if _same(before, after):
        return found
    async with configuration_change(connection):
        before = await stored.read(connection, document.account)
        found, after = differences(before, document)
        await stored.write(connection, before, after, by=by)
    return found


async def read_document(connection: Connection, text: str | bytes, account: str | None = None) -> Document:
    """Return the document of a text, checked against the account as stored, so that all faults come together.

    account: as for `parse`. Raises DocumentFaultsError.
    """
    named = account_of(text, account)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        state = await stored.read(connection, named or "")
    return parse(text, account=account, stored=state)


def _same(before: State, after: State) -> bool:
    """Tell whether two states are equal, the order of display included."""
    return before == after and all(
        list(getattr(before, section)) == list(getattr(after, section))
        for section in ("groups", "definitions", "profiles")
    )
