"""Reads the versions of a profile, compares two of them, and restores one as the draft."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from consumer.catalog import repository
from consumer.catalog.change import change_catalog
from consumer.catalog.diff import Difference, frame_changes
from consumer.catalog.model import profile_versions
from consumer.catalog.repository import Scope
from consumer.scoring.profile_publish.requests import find_profile, require_active
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from consumer.catalog.model.account import AccountCatalog, Definition, ProfileVersion
    from consumer.infra.postgres.connection import Connection

_SQL = queries("publish")


class UnknownVersionError(Exception):
    """No version of the profile with this number was ever published."""


@dataclass(frozen=True, slots=True)
class PublishedVersion:
    """A version that is published or was: `state` is `published` or `retired`."""

    number: int
    state: str
    by: str
    at: datetime
    content: ProfileVersion


async def read_versions(
    connection: Connection, account: str, profile: str, *numbers: int
) -> list[PublishedVersion]:
    """Return the versions of a profile, all or those with these numbers, newest first.

    Versions that were cancelled or are being built are left out. Reads by several statements: call it in a
    snapshot. Raises UnknownAccountError, UnknownProfileError, and UnknownVersionError if a number is missing.
    """
    find_profile(
        await repository.read(connection, account, Scope(definitions=(), profiles=[profile])), profile
    )
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
    """Return how two versions differ: inheritance, own weights, frames, and points and group of each definition.

    after: None is the version that publishing the draft now would make. Reads by several statements: call it in a
    snapshot. Raises UnknownAccountError, UnknownProfileError, UnknownVersionError.
    """
    catalog = await repository.read(connection, account, Scope(profiles=[profile]))
    draft = profile_versions.draft_version(find_profile(catalog, profile), catalog.definitions)
    found = await read_versions(connection, account, profile, before, *([] if after is None else [after]))
    contents = {one.number: one.content for one in found}
    return [*_differences(profile, contents[before], draft if after is None else contents[after])]


async def restore_draft(
    connection: Connection,
    account: str,
    profile: str,
    version: int,
    *,
    by: str,
    check: Callable[[AccountCatalog], object] = lambda _stored: None,
) -> tuple[AccountCatalog, list[str]]:
    """Make an old version the draft, so that publishing it gives the same points; no score changes by this.

    Where the catalog's points have changed since, the draft gets own weights. Groups stay the catalog's. Returns
    the account after the change, and the definitions that the old version counted in another group.

    check: called with the account as it is changed, of profiles only this one; refuses by raising. Raises
    UnknownAccountError, UnknownProfileError, UnknownVersionError, ProfileArchivedError, StaleRevisionError (the
    configuration changed meanwhile), and errors of asyncpg.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        [old] = await read_versions(connection, account, profile, version)
        # Read without the account's lock, and a published version may follow the catalog: `since` makes the change
        # fail if the configuration has moved.
        revision = await repository.newest_revision(connection)
    content = old.content

    def make(before: AccountCatalog) -> AccountCatalog:
        current = find_profile(before, profile)
        check(before)
        require_active(current)
        after = replace(
            current,
            inherits=content.inherits,
            weights=_own_weights(content, before.definitions),
            overall=content.overall,
            groups={key: frame for key, frame in content.groups.items() if key in before.groups},
        )
        return replace(before, profiles={**before.profiles, profile: after})

    scope = Scope(profiles=[profile])
    catalog = await change_catalog(connection, account, make, by=by, since=revision, scope=scope)
    return catalog, [
        key
        for key, weight in content.weights.items()
        if weight.points and weight.group != catalog.definitions[key].group
    ]


def _own_weights(content: ProfileVersion, definitions: Mapping[str, Definition]) -> dict[str, int]:
    """Return own weights that give each definition the points it had in this version."""
    weights = dict(content.own_weights)
    for key, weight in content.weights.items():
        if profile_versions.points(definitions[key], content.inherits, weights) != weight.points:
            weights[key] = weight.points
    return weights


def _differences(profile: str, before: ProfileVersion, after: ProfileVersion) -> Iterator[Difference]:
    if before.inherits != after.inherits:
        yield Difference("profile", profile, "inherits", before.inherits, after.inherits)
    for key in sorted(before.own_weights.keys() | after.own_weights.keys()):
        old, new = before.own_weights.get(key), after.own_weights.get(key)
        if old != new:
            yield Difference("profile", profile, f"weights.{key}", old, new)
    for name, was, now in frame_changes(before, after):
        yield Difference("profile", profile, name, was, now)
    for key in [*before.weights, *(key for key in after.weights if key not in before.weights)]:
        had, has = before.weights.get(key), after.weights.get(key)
        for name in ("points", "group"):
            old, new = (getattr(weight, name, None) for weight in (had, has))
            if old != new:
                yield Difference("profile", profile, f"{name}.{key}", old, new)
