"""The error that has a batch matched again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection


class StaleCatalogError(Exception):
    """The configuration has changed since the batch was triaged: load the catalog and triage again.

    accounts: keys of those accounts of the batch that have changed; empty if something else has.
    """

    def __init__(self, accounts: Collection[str] = ()) -> None:
        super().__init__(*sorted(accounts))
        self.accounts = frozenset(accounts)
