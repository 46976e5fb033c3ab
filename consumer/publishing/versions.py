"""The versions of a profile: which there were, how two of them differ, and going back to one.

Owns reading them for people. Never publishes: going back makes an old version the draft.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from consumer.catalog import publishing, stored
from consumer.catalog.differences import Difference
from consumer.db import configuration_change
from consumer.publishing.requests import profile_of
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from consumer.catalog.state import Definition, Version
    from consumer.db import Connection

_READ = queries("catalog")["read_versions"]
_ACCOUNT = queries("catalog")["read_account"]


class UnknownVersionError(Exception):
    """The profile never had such a version for readers to see."""


@dataclass(frozen=True, slots=True)
class Published:
    """A version that readers see, or saw: `state` is `published` or `retired`."""

    number: int
    state: str
    by: str
    at: datetime
    says: Version


async def versions(connection: Connection, account: str, profile: str) -> list[Published]:
    """Return the versions of a profile, newest first; those that were cancelled or are being built are none.

    Raises UnknownAccountError, UnknownProfileError.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        profile_of(await stored.read(connection, account), profile)
        return await _versions(connection, account, profile)


async def difference(
    connection: Connection, account: str, profile: str, before: int, after: int
) -> list[Difference]:
    """Return how two versions differ: what they inherit, own weights, and what definitions count for and where.

    Raises UnknownAccountError, UnknownProfileError, UnknownVersionError.
    """
    found = await versions(connection, account, profile)
    return [*_differences(profile, _numbered(found, before).says, _numbered(found, after).says)]


async def restore(connection: Connection, account: str, profile: str, version: int) -> list[str]:
    """Make an old version the draft, so that publishing it gives what it gave; nobody's score moves by that.

    Where the catalog's points have changed since, the draft gets weights of its own. Groups are the catalog's:
    returned are the definitions that were in other ones. Raises UnknownAccountError, UnknownProfileError,
    UnknownVersionError, and what asyncpg raises.
    """
    async with configuration_change(connection):
        before = await stored.read(connection, account)
        drafted = profile_of(before, profile)
        says = _numbered(await _versions(connection, account, profile), version).says
        after = replace(drafted, inherits=says.inherits, weights=_weights(says, before.definitions))
        profiles = {**before.profiles, profile: after}
        # Nobody publishes here.
        await stored.write(connection, before, replace(before, profiles=profiles), by="")
    return [
        key
        for key, weight in says.weights.items()
        if weight.points and weight.group != before.definitions[key].group
    ]


async def _versions(connection: Connection, account: str, profile: str) -> list[Published]:
    number = (await connection.fetchrow(_ACCOUNT, account) or {"id": None})["id"]
    rows = await connection.fetch(_READ, number, True)
    return [
        Published(
            row["number"], row["state"], row["published_by"], row["published_at"], stored.version_of(row)
        )
        for row in reversed(rows)
        if row["profile"] == profile and row["state"] in {"published", "retired"}
    ]


def _numbered(found: list[Published], number: int) -> Published:
    for one in found:
        if one.number == number:
            return one
    raise UnknownVersionError(f"there is no version {number}")


def _weights(says: Version, definitions: Mapping[str, Definition]) -> dict[str, int]:
    """Return own weights under which definitions give what they gave."""
    weights = dict(says.own_weights)
    for key, weight in says.weights.items():
        if publishing.points(definitions[key], says.inherits, weights) != weight.points:
            weights[key] = weight.points
    return weights


def _differences(profile: str, before: Version, after: Version) -> Iterator[Difference]:
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
