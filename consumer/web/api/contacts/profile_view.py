"""Under which profile scores are read: its published version, and the groups to show.

Owns finding them, and what is answered where there is none. Never reads a score.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import Query

from consumer.web.http.problems import FieldFault, conflict, gone, invalid, query_fault
from consumer.web.http.request_body import Key
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.infra.postgres.connection import Connection

_SQL = queries("contacts")
# What scores call overall in the database.
OVERALL = 0

ProfileKey = Annotated[
    Key | None, Query(description="Under which profile, by key; left out: the primary one.", alias="profile")
]


@dataclass(frozen=True, slots=True)
class GroupView:
    """A group by number. deleted: no longer in the catalog, though scores may still have points in it."""

    id: int
    key: str
    name: str
    deleted: bool


@dataclass(frozen=True, slots=True)
class ProfileView:
    """What readers see of a profile: id and version are its numbers. time_zone: the account's, for words."""

    id: int
    profile: str
    version: int
    time_zone: str
    groups: tuple[GroupView, ...]

    def to_cursor(self, position: Sequence[Any]) -> list[Any]:
        """Return a position of a list as a cursor holds it: it is good for this view alone."""
        return [self.id, self.version, *position]

    def from_cursor(self, position: Sequence[Any]) -> list[Any]:
        """Return the position that a cursor holds; raises ProblemError (410) where it is of another view."""
        profile, version, *position = position
        if (profile, version) != (self.id, self.version):
            raise gone(f"the profile {self.profile} was published meanwhile: begin again without a cursor")
        return position

    def group_key(self, group_id: int) -> str:
        """Return the key of a group by number."""
        return next(group.key for group in self.groups if group.id == group_id)

    def group_id(self, key: str, field: str) -> int:
        """Return the number of a group; raises ProblemError (422) that names the field where there is none."""
        found = next((group.id for group in self.groups if group.key == key), None)
        if found is None:
            raise invalid(query_fault(field, f"there is no group {key}"))
        return found


async def read_profile_view(
    connection: Connection, account: int, profile: str | None, *, part: Literal["query", "body"] = "query"
) -> ProfileView:
    """Return the view of a profile, of the primary one without a key; part: where it was named.

    Raises ProblemError: 422 where there is no such profile, 409 where it was never published.
    """
    row = await connection.fetchrow(_SQL["view"], account, profile)
    if row is None:
        detail = f"there is no profile {profile or 'yet'}"
        raise invalid(FieldFault(place=part, field="profile", detail=detail))
    if row["version"] is None:
        raise conflict(f"the profile {row['key']} was never published: it has no scores until it is")
    return ProfileView(
        row["id"], row["key"], row["version"], row["time_zone"], await read_groups(connection, account)
    )


async def read_groups(connection: Connection, account: int) -> tuple[GroupView, ...]:
    """Return the groups of an account in display order, deleted ones last."""
    return tuple(GroupView(**row) for row in await connection.fetch(_SQL["groups"], account))


def points_by_group(groups: tuple[GroupView, ...], points: str | None) -> tuple[int, dict[str, int]]:
    """Return overall and the points by group, from JSON by number as statements give it.

    Every group of the catalog is there, and deleted ones in which there are points, so that they add up to overall.
    """
    found = {int(number): value for number, value in json.loads(points or "{}").items()}
    by_group = {
        group.key: found.get(group.id, 0) for group in groups if not group.deleted or found.get(group.id)
    }
    return found.get(OVERALL, 0), by_group
