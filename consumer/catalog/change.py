"""Changing an account's configuration: whoever does it, in one transaction under the revision lock, on record.

Owns the order: read, change, write, audit. Never decides what a change means, which is a function from the account
as stored to the account as it will be, nor how rows are written (stored.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from consumer.catalog import audit, audit_changes, repository
from consumer.infra.postgres.revision import configuration_change

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.catalog.model.account import AccountCatalog
    from consumer.infra.postgres.connection import Connection

Edit: TypeAlias = "Callable[[AccountCatalog], AccountCatalog]"


class StaleRevisionError(Exception):
    """The configuration was changed by somebody else after it was looked at; nothing was changed: try again."""


async def change_account(
    connection: Connection, account: str, make: Edit, *, by: str, since: int | None = None
) -> AccountCatalog:
    """Make an account what a function makes of it, and return it; what changed is recorded as somebody's doing.

    make: may be called twice, since the account may change before the lock is had; whatever it raises goes through,
    and nothing is changed. by: who does it. since: the installation's revision at which something was found out
    that must still be true. Holds for batches begun after it returned. What changes nothing raises no revision and
    waits for no batch. Raises MovedError where the revision is not `since` any more, and what asyncpg raises.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        before = await repository.read(connection, account)
    after = make(before)
    if _same(before, after):
        return after
    async with configuration_change(connection):
        if since not in {None, await connection.fetchval("select revision from installation")}:
            raise StaleRevisionError
        before = await repository.read(connection, account)
        after = make(before)
        await repository.write(connection, before, after, by=by)
        await repository.delete_removed(connection, before, after)
        await audit.record_changes(connection, account, by, *audit_changes.account_changes(before, after))
    return after


def _same(before: AccountCatalog, after: AccountCatalog) -> bool:
    """Tell whether two states are equal, the order of display included."""
    return before == after and all(
        list(getattr(before, section)) == list(getattr(after, section))
        for section in ("groups", "definitions", "profiles")
    )
