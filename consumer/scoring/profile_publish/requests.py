"""What people ask of a publish: that it begins, that it is cancelled, how far it is.

Owns when either can be had, and that both are on record. Never builds a score: steps.py does, wherever somebody
calls it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from consumer.catalog import audit
from consumer.catalog.audit import AuditedChange
from consumer.catalog.change import change_account
from consumer.catalog.model import profile_versions
from consumer.domain.errors import UnknownAccountError
from consumer.infra.postgres.revision import configuration_change
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
    """Another publish of the profile has not ended yet: wait for it, or cancel it."""


class NothingToPublishError(Exception):
    """Readers see already what the draft says."""


class UnknownPublishError(Exception):
    """There is no publish of this number."""


class PublishNotCancellableError(Exception):
    """Readers see the version already, or the publish has ended; going back is another publish."""


@dataclass(frozen=True, slots=True)
class PublishStatus:
    """How far a publish has come.

    state: `building`, `announcing`, `done`, `cancelling` or `cancelled`. done, total: contacts, of the step it is
    in; total is None before the step has begun. flipped_at: since when readers see the version.
    """

    id: int
    account: str
    profile: str
    version: int
    previous_version: int | None
    state: str
    requested_by: str
    requested_at: datetime
    flipped_at: datetime | None
    ended_at: datetime | None
    done: int
    total: int | None


async def begin(
    connection: Connection,
    account: str,
    profile: str,
    *,
    by: str,
    check: Callable[[Profile], None] = lambda _drafted: None,
) -> int:
    """Begin to publish a profile's draft over history and return the publish's number; then `run_publish` at it.

    From here on batches fold into the new version too. check: refuses a draft by raising. Raises
    UnknownAccountError, UnknownProfileError, PublishRunningError, NothingToPublishError, and what asyncpg raises;
    nothing has begun then.
    """

    def make(before: AccountCatalog) -> AccountCatalog:
        drafted = profile_of(before, profile)
        check(drafted)
        if drafted.publish_runs:
            raise PublishRunningError(
                f"a publish of profile {profile!r} has not ended yet: wait for it, or cancel it"
            )
        after = profile_versions.publish_if_wanted(drafted, before.definitions, wanted=True, has_history=True)
        if after.building is None:
            raise NothingToPublishError(f"profile {profile!r} is published as it is drafted")
        return replace(before, profiles={**before.profiles, profile: after})

    building = (await change_account(connection, account, make, by=by)).profiles[profile].building
    number: int = await connection.fetchval(
        _SQL["of_version"], account, profile, building and building.number
    )
    return number


async def cancel(connection: Connection, publish: int, *, by: str) -> None:
    """Give a publish up before readers see it; what was built goes with the next steps of `run_publish`.

    Raises UnknownPublishError, PublishNotCancellableError, and what asyncpg raises.
    """
    async with configuration_change(connection):
        stands = await status(connection, publish)
        if stands.state != "building":
            raise PublishNotCancellableError(_too_late(stands))
        await connection.execute(_SQL["cancel"], publish)
        given_up = AuditedChange("publish_cancelled", "profile", stands.profile, {"version": stands.version})
        await audit.record_changes(connection, stands.account, by, given_up)


def _too_late(stands: PublishStatus) -> str:
    what = f"the publish of profile {stands.profile!r} is {stands.state}: it cannot be cancelled"
    if stands.flipped_at is None or stands.previous_version is None:
        return what
    return f"{what}; to go back, restore version {stands.previous_version} and publish that"


async def status(connection: Connection, publish: int) -> PublishStatus:
    """Return how far a publish has come; raises UnknownPublishError."""
    row = await connection.fetchrow(_SQL["read"], publish)
    if row is None:
        raise UnknownPublishError(f"there is no publish {publish}")
    values = dict(row)
    return PublishStatus(done=values.pop("contacts_done"), total=values.pop("contacts_total"), **values)


async def unfinished_publishes(
    connection: Connection, account: str | None = None, profiles: Sequence[str] = ()
) -> list[int]:
    """Return the publishes that are not at their end, of everybody or of these profiles of an account."""
    rows = await connection.fetch(_SQL["unfinished"], account, list(profiles))
    return [row["id"] for row in rows]


def profile_of(state: AccountCatalog, profile: str) -> Profile:
    """Return a profile of an account; raises UnknownAccountError, UnknownProfileError."""
    if state.settings is None:
        raise UnknownAccountError(f"there is no account {state.account!r}")
    if profile not in state.profiles:
        raise UnknownProfileError(f"account {state.account!r} has no profile {profile!r}")
    return state.profiles[profile]
