"""The profile under which scores are read: its published version, and the groups to show."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from fastapi import Query

from consumer.domain.frame import PLAIN, Frame
from consumer.infra.postgres.connection import fetch_one
from consumer.web.api.contacts.shown_scores import GroupView, frames_in, groups_apart
from consumer.web.http.problems import FieldFault, conflict, gone, invalid, not_found, query_fault
from consumer.web.http.request_types import Key
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import asyncpg

    from consumer.contact_state.frames import VersionFrames
    from consumer.infra.postgres.connection import Connection

_SQL = queries("contacts")
VIEW = _SQL["view"]

ProfileKey = Annotated[
    Key | None, Query(description="The profile, by key; default: the primary one.", alias="profile")
]


@dataclass(frozen=True, slots=True)
class ProfileView:
    """What readers see of a profile. id: in the database. time_zone: the account's, for texts.

    frames: of the version, by group (0: overall); without those that are plain.
    """

    id: int
    profile: str
    version: int
    time_zone: str
    groups: tuple[GroupView, ...]
    frames: VersionFrames = field(default_factory=dict)

    def frame(self, group_id: int) -> Frame:
        """Return the frame of a group, or of overall (0)."""
        return self.frames.get(group_id, PLAIN)

    @property
    def apart(self) -> list[str]:
        """The keys of the groups that are no part of overall."""
        return groups_apart(self.groups, self.frames)

    def to_cursor(self, position: Sequence[Any]) -> list[Any]:
        """Return a position with the profile and version that it is valid for."""
        return [self.id, self.version, *position]

    def from_cursor(self, position: Sequence[Any]) -> list[Any]:
        """Return the position in a cursor; raises ProblemError (410) if it is of another profile or version."""
        profile, version, *position = position
        if (profile, version) != (self.id, self.version):
            raise gone(f"profile {self.profile} was published in the meantime: start again without a cursor")
        return position

    def group_key(self, group_id: int) -> str:
        """Return the key of a group."""
        return next(group.key for group in self.groups if group.id == group_id)

    def group_id(self, key: str, field: str) -> int:
        """Return the id of a group; raises ProblemError (422), with this field, if there is none."""
        group_id = next((group.id for group in self.groups if group.key == key), None)
        if group_id is None:
            raise invalid(query_fault(field, f"there is no group {key}"))
        return group_id


async def read_profile_view(connection: Connection, account: int, profile: str | None) -> ProfileView:
    """Return the view of a profile, by default of the primary one.

    Raises ProblemError: 422 if there is no such profile, 409 if it was never published.
    """
    return view_of(await fetch_one(connection, VIEW, account, profile, None, False, None), profile)


def view_of(
    row: Mapping[str, Any] | asyncpg.Record,
    profile: str | None,
    *,
    part: Literal["query", "body"] = "query",
    version: int | None = None,
) -> ProfileView:
    """Return the view in a row of the query `view`. part: of the request, where the profile was named.

    version: the one that was asked for, if any. Raises what `read_profile_view` does, and 404 if there is no such
    version.
    """
    if row["id"] is None:
        detail = f"there is no profile {profile or 'yet'}"
        raise invalid(FieldFault(place=part, field="profile", detail=detail))
    if row["archived"]:
        raise conflict(f"profile {row['key']} is archived: it has no scores until it is published again")
    if row["version"] is None and version is not None and row["published_version"] is not None:
        raise not_found(f"version {version} of profile {row['key']}")
    if row["version"] is None:
        raise conflict(f"profile {row['key']} was never published and has no scores yet")
    groups = row["groups"] or []
    if isinstance(groups, str):
        groups = msgspec.json.decode(groups)
    return ProfileView(
        row["id"],
        row["key"],
        row["version"],
        row["time_zone"],
        tuple(GroupView(*group) for group in groups),
        frames_in(row["frames"]),
    )


async def read_groups(connection: Connection, account: int) -> tuple[GroupView, ...]:
    """Return the groups of an account in display order, deleted ones last."""
    return tuple(GroupView(**row) for row in await connection.fetch(_SQL["groups"], account))
