"""The versions of a profile: which there were, how two of them differ, and going back to one.

Owns reading them for people. Never publishes: going back makes an old version the draft.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from consumer.catalog import repository
from consumer.catalog.change import change_account
from consumer.catalog.diff import Difference
from consumer.catalog.model import profile_versions
from consumer.scoring.profile_publish.requests import profile_of
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from consumer.catalog.model.account import AccountCatalog, Definition, Profile, ProfileVersion
    from consumer.infra.postgres.connection import Connection

_SQL = queries("publish")


class UnknownVersionError(Exception):
    """The profile never had such a version for readers to see."""


@dataclass(frozen=True, slots=True)
class PublishedVersion:
    """A version that readers see, or saw: `state` is `published` or `retired`."""

    number: int
    state: str
    by: str
    at: datetime
    says: ProfileVersion


async def read_versions(
    connection: Connection, account: str, profile: str, *numbers: int
) -> list[PublishedVersion]:
    """Return the versions of a profile, all or those of these numbers, newest first.

    Those that were cancelled or are being built are none. Several statements, so in a transaction. Raises
    UnknownAccountError, UnknownProfileError, and UnknownVersionError where there is none of a number.
    """
    profile_of(await repository.read(connection, account), profile)
    rows = await connection.fetch(_SQL["versions"], account, profile, list(numbers))
    found = [
        PublishedVersion(
            row["number"], row["state"], row["published_by"], row["published_at"], repository.version_of(row)
        )
        for row in rows
    ]
    if missing := set(numbers) - {one.number for one in found}:
        raise UnknownVersionError(f"profile {profile!r} has no version {min(missing)}")
    return found


async def diff_versions(
    connection: Connection, account: str, profile: str, before: int, after: int | None = None
) -> list[Difference]:
    """Return how two versions differ: what they inherit, own weights, and what definitions count for and where.

    after: None is the draft, as publishing it now would make it. Several statements, so in a transaction. Raises
    UnknownAccountError, UnknownProfileError, UnknownVersionError.
    """
    state = await repository.read(connection, account)
    draft = profile_versions.draft_version(profile_of(state, profile), state.definitions)
    found = await read_versions(connection, account, profile, before, *([] if after is None else [after]))
    says = {one.number: one.says for one in found}
    return [*_differences(profile, says[before], draft if after is None else says[after])]


async def restore_draft(
    connection: Connection,
    account: str,
    profile: str,
    version: int,
    *,
    by: str,
    check: Callable[[Profile], None] = lambda _drafted: None,
) -> tuple[AccountCatalog, list[str]]:
    """Make an old version the draft, so that publishing it gives what it gave; nobody's score moves by that.

    Where the catalog's points have changed since, the draft gets weights of its own. Groups are the catalog's:
    returned are the account as it is then, and the definitions that counted in other ones. check: refuses the draft
    that is replaced by raising. Raises UnknownAccountError, UnknownProfileError, UnknownVersionError, MovedError
    where the configuration changes meanwhile, and what asyncpg raises.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        [old] = await read_versions(connection, account, profile, version)
        # Read before the lock is had, and the published one may follow the catalog: what was read must still hold.
        revision = await connection.fetchval(_SQL["revision"])
    says = old.says

    def make(before: AccountCatalog) -> AccountCatalog:
        drafted = profile_of(before, profile)
        check(drafted)
        after = replace(drafted, inherits=says.inherits, weights=_weights(says, before.definitions))
        return replace(before, profiles={**before.profiles, profile: after})

    state = await change_account(connection, account, make, by=by, since=revision)
    return state, [
        key
        for key, weight in says.weights.items()
        if weight.points and weight.group != state.definitions[key].group
    ]


def _weights(says: ProfileVersion, definitions: Mapping[str, Definition]) -> dict[str, int]:
    """Return own weights under which definitions give what they gave."""
    weights = dict(says.own_weights)
    for key, weight in says.weights.items():
        if profile_versions.points(definitions[key], says.inherits, weights) != weight.points:
            weights[key] = weight.points
    return weights


def _differences(profile: str, before: ProfileVersion, after: ProfileVersion) -> Iterator[Difference]:
    if before.inherits != after.inherits:
        yield Difference("profile", profile, "inherits", before.inherits, after.inherits)
    for key in sorted(before.own_weights.keys() | after.own_weights.keys()):
        old, new = before.own_weights.get(key), after.own_weights.get(key)
        if old != new:
            yield Difference("profile", profile, f"weights.{key}", old, new)
    for key in [*before.weights, *(key for key in after.weights if key not in before.weights)]:
        had, has = before.weights.get(key), after.weights.get(key)
        for name in ("points", "group"):
            old, new = (getattr(weight, name, None) for weight in (had, has))
            if old != new:
                yield Difference("profile", profile, f"{name}.{key}", old, new)
