"""Begins and cancels publishes, and reads their status. The work is in steps.py.

A request takes effect in one configuration change and is audited with it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from consumer.catalog import audit
from consumer.catalog.audit import AuditedChange
from consumer.catalog.change import change_catalog
from consumer.catalog.model import profile_versions
from consumer.catalog.repository import Scope
from consumer.domain.errors import UnknownAccountError
from consumer.infra.postgres.revision_lock import configuration_change
from consumer.scoring.jobs import JobStatus, read_status
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from consumer.catalog.model.account import AccountCatalog, Profile
    from consumer.infra.postgres.connection import Connection

_SQL = queries("publish")


class UnknownProfileError(Exception):
    """The account has no such profile."""


class PublishRunningError(Exception):
    """Another publish of the profile has not ended: wait for it, or cancel it."""


class NothingToPublishError(Exception):
    """The draft equals the published version."""


class ProfileArchivedError(Exception):
    """The profile is archived: nothing of it changes until it no longer is."""


class UnknownPublishError(Exception):
    """There is no publish with this number."""


class PublishNotCancellableError(Exception):
    """The version is published already, or the publish has ended; to go back takes another publish."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishStatus(JobStatus):
    """The progress of a publish.

    state: `building`, `announcing`, `done`, `cancelling` or `cancelled`. flipped_at: when readers switched to the
    version.
    """

    profile: str
    version: int
    previous_version: int | None
    flipped_at: datetime | None


async def begin(
    connection: Connection,
    account: str,
    profile: str,
    *,
    by: str,
    check: Callable[[AccountCatalog], object] = lambda _stored: None,
) -> int:
    """Begin to publish a profile's draft over history and return the number of the publish, for `run_publish`.

    From here on batches add their points to the new version too. check: called with the account as it is published,
    of profiles only this one; refuses by raising. If this raises UnknownAccountError, UnknownProfileError,
    ProfileArchivedError,
    PublishRunningError, NothingToPublishError or an error of asyncpg, nothing has begun.
    """

    def make(before: AccountCatalog) -> AccountCatalog:
        current = find_profile(before, profile)
        check(before)
        require_active(current)
        if current.publish_runs:
            raise PublishRunningError(
                f"a publish of profile {profile!r} has not ended yet: wait for it, or cancel it"
            )
        after = profile_versions.publish_if_wanted(current, before.definitions, wanted=True, has_history=True)
        if after.building is None:
            raise NothingToPublishError(f"the draft of profile {profile!r} equals the published version")
        return replace(before, profiles={**before.profiles, profile: after})

    scope = Scope(profiles=[profile])
    building = (
        (await change_catalog(connection, account, make, by=by, scope=scope)).profiles[profile].building
    )
    number: int = await connection.fetchval(
        _SQL["find_by_version"], account, profile, building and building.number
    )
    return number


async def cancel(connection: Connection, publish: int, *, by: str) -> None:
    """Cancel a publish before the flip; the next steps of `run_publish` delete the scores it has built.

    Raises UnknownPublishError, PublishNotCancellableError, and errors of asyncpg.
    """
    account = (await status(connection, publish)).account
    async with configuration_change(connection, account):
        current = await status(connection, publish)
        if current.state != "building":
            raise PublishNotCancellableError(_why_not_cancellable(current))
        await connection.execute(_SQL["cancel"], publish)
        change = AuditedChange("publish_cancelled", "profile", current.profile, {"version": current.version})
        await audit.record_changes(connection, current.account, by, change)


def _why_not_cancellable(current: PublishStatus) -> str:
    why = f"the publish of profile {current.profile!r} is {current.state}: it cannot be cancelled"
    if current.flipped_at is None or current.previous_version is None:
        return why
    return f"{why}; to go back, restore version {current.previous_version} and publish that"


async def status(connection: Connection, publish: int) -> PublishStatus:
    """Return the progress of a publish; raises UnknownPublishError."""
    unknown = UnknownPublishError(f"there is no publish {publish}")
    return await read_status(connection, _SQL["read"], publish, status_type=PublishStatus, unknown=unknown)


async def unfinished_publishes(
    connection: Connection, account: str | None = None, profiles: Sequence[str] = ()
) -> list[int]:
    """Return the publishes that have not ended, of all accounts or of these profiles of one."""
    rows = await connection.fetch(_SQL["unfinished"], account, list(profiles))
    return [row["id"] for row in rows]


def require_active(profile: Profile) -> None:
    """Raise ProfileArchivedError if a profile is archived."""
    if profile.archived:
        raise ProfileArchivedError(f"profile {profile.key!r} is archived: set `archived` to false first")


def find_profile(catalog: AccountCatalog, profile: str) -> Profile:
    """Return a profile of an account; raises UnknownAccountError, UnknownProfileError."""
    if catalog.settings is None:
        raise UnknownAccountError(f"there is no account {catalog.account!r}")
    if profile not in catalog.profiles:
        raise UnknownProfileError(f"account {catalog.account!r} has no profile {profile!r}")
    return catalog.profiles[profile]
