"""The one way to change an account's configuration: read, edit, write and audit in one transaction.

The transaction holds the account's lock. A change is a function from the stored account to the new one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from consumer.catalog import audit, audit_changes, repository
from consumer.infra.postgres.revision_lock import configuration_change

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.catalog.model.account import AccountCatalog
    from consumer.infra.postgres.connection import Connection

Edit: TypeAlias = "Callable[[AccountCatalog], AccountCatalog]"


class StaleRevisionError(Exception):
    """The account has changed since the revision that the caller read; nothing was written: try again."""


async def change_catalog(
    connection: Connection, account: str, edit: Edit, *, by: str, since: int | None = None
) -> AccountCatalog:
    """Replace the account's configuration with `edit(stored)`, record what changed in the audit trail, return it.

    It is in force for batches begun after the return. It waits for batches only where they count a definition of
    the account for the first time, or where it publishes a version at once. An edit without effect raises no
    revision.

    edit: may run several times, since the account may change before the lock is acquired; its errors pass through,
    and then nothing is written. by: the actor in the audit trail. since: the revision of the installation on which
    the edit relies; raises StaleRevisionError if the account has changed since. Raises what asyncpg raises.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        before = await repository.read(connection, account)
    after = edit(before)
    if _is_same(before, after):
        return after
    try:
        return await _change(
            connection, account, edit, by, since, beside_batches=not _publishes(before, after)
        )
    except _PublishesAtOnceError:
        return await _change(connection, account, edit, by, since, beside_batches=False)


class _PublishesAtOnceError(Exception):
    """The change would publish a version at once, beside batches."""


async def _change(
    connection: Connection, account: str, edit: Edit, by: str, since: int | None, *, beside_batches: bool
) -> AccountCatalog:
    async with configuration_change(connection, account, beside_batches=beside_batches):
        # Whether one has counted decides what becomes of its weights. A batch in which it counts for the first time
        # marks it, and waits for its row.
        await repository.lock_uncounted(connection, account)
        if since is not None and await repository.changed_since(connection, account, since):
            raise StaleRevisionError
        before = await repository.read(connection, account)
        after = edit(before)
        if beside_batches and _publishes(before, after):
            raise _PublishesAtOnceError
        await repository.write(connection, before, after, by=by)
        await repository.delete_removed(connection, before, after)
        await audit.record_changes(connection, account, by, *audit_changes.account_changes(before, after))
    return after


def _publishes(before: AccountCatalog, after: AccountCatalog) -> bool:
    """Return True if a version is published at once in an account that may have contacts.

    All of them get a score under it: none may be created meanwhile. A new account has none.
    """

    def published(catalog: AccountCatalog) -> set[tuple[str, int]]:
        return {(key, profile.version.number) for key, profile in catalog.profiles.items() if profile.version}

    return before.settings is not None and bool(published(after) - published(before))


def _is_same(before: AccountCatalog, after: AccountCatalog) -> bool:
    """Return True if both are equal, display order included."""
    return before == after and all(
        list(getattr(before, section)) == list(getattr(after, section))
        for section in ("groups", "definitions", "profiles")
    )
