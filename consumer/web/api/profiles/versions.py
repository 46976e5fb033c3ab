"""`versions`: published versions of a profile, differences between them and the draft, and restoring one."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel
from starlette.responses import Response

from consumer.catalog.model.frames import frame_from_mapping
from consumer.scoring.profile_publish.versions import diff_versions, read_versions, restore_draft
from consumer.web.api.profiles.frames import GroupFrame, OverallFrame, group_answer, overall_answer
from consumer.web.api.profiles.profiles import find_profile_id, require_seen, tagged_answer
from consumer.web.api.profiles.schemas import ProfileAnswer, Weight, weight_answer
from consumer.web.http import cursors
from consumer.web.http.api_route import ApiRoute
from consumer.web.http.auth import Manager, Reader
from consumer.web.http.cursors import Cursor, Limit, Page
from consumer.web.http.database import Database
from consumer.web.http.etags import IfMatch
from sql import queries

if TYPE_CHECKING:
    from consumer.catalog.diff import Difference

router = APIRouter(prefix="/v1/accounts/{account}", tags=["profiles"], route_class=ApiRoute)

_NEWEST = 2**31 - 1

VersionNumber = Annotated[int, Path(ge=1, le=_NEWEST)]


def _number(description: str) -> Any:
    return Query(ge=1, le=_NEWEST, description=description)


class VersionSummary(BaseModel, use_attribute_docstrings=True):
    """A version that readers see now (`published`) or saw before (`retired`)."""

    number: int
    """The number of the version."""
    state: str
    """`published` or `retired`."""
    by: str
    """Who published it."""
    at: datetime
    """When readers began to see it."""
    inherits: bool
    """Whether definitions without a weight of the profile's own counted the catalog's points."""


class VersionWeight(Weight):
    """The points of a counted event of a definition under a version, and its group."""

    definition: str
    """The definition's key."""


class VersionAnswer(VersionSummary):
    """A version, with its own weights as drafted, and the resulting weight and group of each definition."""

    weights: dict[str, int]
    """The profile's own weights, by definition key."""
    definitions: list[VersionWeight]
    """The resulting weight and group of each definition."""
    overall: OverallFrame
    """What bounds overall, and its bands."""
    groups: dict[str, GroupFrame]
    """Bounds and bands of groups by key: of those that have any, or are apart."""


class VersionDifference(BaseModel, use_attribute_docstrings=True):
    """One difference between two versions."""

    field: str
    """`inherits`, `weight` (the profile's own), `points` (the resulting ones), `group`, `overall` or `groups`."""
    definition: str | None
    """The definition's key; null for `inherits` and for bounds and bands."""
    group: str | None
    """Of `groups`: the key of the group whose bounds or bands differ."""
    before: bool | int | str | GroupFrame | None
    """Null: no such value, or the version does not have the definition."""
    after: bool | int | str | GroupFrame | None
    """The later value; null likewise."""


class DifferenceAnswer(BaseModel, use_attribute_docstrings=True):
    """The differences from one version to another, or to the draft."""

    before: int
    """The number of the version that is compared."""
    after: int | None
    """The number of the later version; null: the draft."""
    differences: list[VersionDifference]
    """What differs."""


class RestoredAnswer(ProfileAnswer, use_attribute_docstrings=True):
    """The profile, with an old version as its draft."""

    moved: list[str]
    """Definitions that counted in another group then. Groups belong to the catalog and are not restored."""


@router.get("/profiles/{profile}/versions")
async def list_versions(
    caller: Reader, database: Database, profile: str, limit: Limit = 50, cursor: Cursor = None
) -> Page[VersionSummary]:
    """List the versions of a profile that readers see or saw, newest first."""
    context = ("versions", caller.account.id, profile)
    (before,) = cursors.decode(context, cursor) or (_NEWEST,)
    async with database.connection() as connection:
        profile_id = await find_profile_id(connection, caller.account.id, profile)
        rows = await connection.fetch(
            queries("profile_history")["versions_page"], profile_id, before, limit + 1
        )
    items = [VersionSummary(**row) for row in rows]
    return cursors.page(
        items, limit, context, lambda summary: [summary.number], engagement=caller.account.engagement
    )


@router.get("/profiles/{profile}/versions/{version}")
async def read_version(
    caller: Reader, database: Database, profile: str, version: VersionNumber
) -> VersionAnswer:
    """Return a version with its weights, groups, bounds and bands."""
    async with database.snapshot() as connection:
        [selected] = await read_versions(connection, caller.account.key, profile, version)
    return VersionAnswer(
        number=selected.number,
        state=selected.state,
        by=selected.by,
        at=selected.at,
        inherits=selected.content.inherits,
        weights=selected.content.own_weights,
        definitions=[
            VersionWeight(definition=key, **weight_answer(weight).model_dump())
            for key, weight in selected.content.weights.items()
        ],
        overall=overall_answer(selected.content.overall),
        groups={key: group_answer(selected.content.groups[key]) for key in sorted(selected.content.groups)},
    )


@router.get("/profiles/{profile}/difference")
async def read_difference(
    caller: Reader,
    database: Database,
    profile: str,
    before: Annotated[int, _number("The version to compare.")],
    after: Annotated[int | None, _number("The version to compare it with; omitted: the draft.")] = None,
) -> DifferenceAnswer:
    """Return the differences between two versions, or between a version and the draft if `after` is omitted."""
    async with database.snapshot() as connection:
        differing = await diff_versions(connection, caller.account.key, profile, before, after)
    return DifferenceAnswer(before=before, after=after, differences=[*map(_difference_answer, differing)])


def _difference_answer(change: Difference) -> VersionDifference:
    field, _, key = (change.field or "").partition(".")
    return VersionDifference(
        field="weight" if field == "weights" else field,
        definition=key if key and field != "groups" else None,
        group=key if field == "groups" else None,
        before=_value(change.before),
        after=_value(change.after),
    )


def _value(value: Any) -> Any:
    return group_answer(frame_from_mapping(value)) if isinstance(value, dict) else value


@router.post("/profiles/{profile}/versions/{version}/restore")
async def restore_version(
    caller: Manager,
    database: Database,
    profile: str,
    version: VersionNumber,
    response: Response,
    *,
    if_match: IfMatch = None,
) -> RestoredAnswer:
    """Make an old version the draft; publishing the draft applies its weights again."""
    state, moved = await database.change(
        lambda connection: restore_draft(
            connection,
            caller.account.key,
            profile,
            version,
            by=caller.actor,
            check=lambda state: require_seen(state, profile, if_match),
        )
    )
    answer = await tagged_answer(state, profile, response)
    return RestoredAnswer(**dict(answer), moved=moved)
