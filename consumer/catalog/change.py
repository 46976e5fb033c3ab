"""The one way to change an account's configuration: read, edit, then compare, write and audit in one transaction.

The transaction holds the account's lock, and batches may wait for it: the edit, which may take a second, comes
before. A change is a function from the stored account to the new one.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from consumer.catalog import audit, audit_changes, repository, write_changes
from consumer.catalog.model.named_bands import BandInUseError, bands_taken_away, why_refused
from consumer.catalog.repository import WHOLE
from consumer.catalog.shut_out_older import has_frames, shut_out_older
from consumer.infra.postgres.revision_lock import configuration_change

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.catalog.audit import AuditedChange
    from consumer.catalog.model.account import AccountCatalog
    from consumer.catalog.repository import Scope
    from consumer.infra.postgres.connection import Connection

Edit: TypeAlias = "Callable[[AccountCatalog], AccountCatalog]"

# How often other changes may come between the edit and the lock. After that the edit is made under the lock.
_TRIES = 5


class StaleRevisionError(Exception):
    """The account has changed since the revision that the caller read; nothing was written: try again."""


async def change_catalog(
    connection: Connection,
    account: str,
    edit: Edit,
    *,
    by: str,
    since: int | None = None,
    scope: Scope = WHOLE,
) -> AccountCatalog:
    """Replace the account's configuration with `edit(stored)`, record what changed in the audit trail, return it.

    It is in force for batches begun after the return. It waits for batches only where they count a definition of
    the account for the first time, or where it publishes a version at once. An edit without effect raises no
    revision.

    edit: runs in another thread, several times if the account changes before the lock is acquired; its errors pass
    through, and then nothing is written. by: the actor in the audit trail. since: the revision of the installation
    on which the edit relies; raises StaleRevisionError if the account has changed since. scope: what of the account
    the edit reads and changes. Raises BandInUseError, OlderProgramsError, and what asyncpg raises.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        stored = await repository.read(connection, account, scope, with_rest=True)
    for _ in range(_TRIES):
        change = await asyncio.to_thread(_edited, edit, stored)
        if not change.has_effect:
            return change.after
        if has_frames(change.after):
            await shut_out_older(connection)
        try:
            async with configuration_change(connection, account, beside_batches=not change.publishes):
                stored = await _read_locked(connection, account, since, scope)
                await asyncio.to_thread(_require_same, change.before, stored)
                await _write(connection, change, by)
        except _OvertakenError:
            continue
        return change.after
    async with configuration_change(connection, account, beside_batches=False):
        change = await asyncio.to_thread(_edited, edit, await _read_locked(connection, account, since, scope))
        await _write(connection, change, by)
    return change.after


class _OvertakenError(Exception):
    """The account has changed between the edit and the lock."""


@dataclass(frozen=True, slots=True)
class _Change:
    """What an edit makes of an account. publishes: a version is published at once. entries: of the audit trail."""

    before: AccountCatalog
    after: AccountCatalog
    has_effect: bool
    publishes: bool
    entries: list[AuditedChange]


def _edited(edit: Edit, before: AccountCatalog) -> _Change:
    after = edit(before)
    if _is_same(before, after):
        return _Change(before, after, has_effect=False, publishes=False, entries=[])
    for profile, taken in bands_taken_away(before, after).items():
        raise BandInUseError(why_refused(profile, taken))
    entries = [*audit_changes.account_changes(before, after)]
    return _Change(before, after, has_effect=True, publishes=_publishes(before, after), entries=entries)


async def _read_locked(
    connection: Connection, account: str, since: int | None, scope: Scope
) -> AccountCatalog:
    # Whether one has counted decides what becomes of its weights. A batch in which it counts for the first time
    # marks it, and waits for its row.
    await repository.lock_uncounted(connection, account, scope)
    # A version that lacks a band is not published while a segment comes to name it.
    await repository.lock_segments(connection, account)
    if since is not None and await repository.changed_since(connection, account, since):
        raise StaleRevisionError
    return await repository.read(connection, account, scope, with_rest=True)


async def _write(connection: Connection, change: _Change, by: str) -> None:
    await write_changes.write(connection, change.before, change.after, by=by)
    await write_changes.delete_removed(connection, change.before, change.after)
    await audit.record_changes(connection, change.after.account, by, *change.entries)


def _publishes(before: AccountCatalog, after: AccountCatalog) -> bool:
    """Return True if a version is published at once in an account that may have contacts.

    All of them get a score under it: none may be created meanwhile. A new account has none.
    """

    def published(catalog: AccountCatalog) -> set[tuple[str, int]]:
        return {(key, profile.version.number) for key, profile in catalog.profiles.items() if profile.version}

    return before.settings is not None and bool(published(after) - published(before))


def _require_same(before: AccountCatalog, stored: AccountCatalog) -> None:
    if not _is_same(before, stored):
        raise _OvertakenError


def _is_same(before: AccountCatalog, after: AccountCatalog) -> bool:
    """Return True if both are equal, display order included."""
    return before == after and all(
        list(getattr(before, section)) == list(getattr(after, section))
        for section in ("groups", "definitions", "profiles")
    )
