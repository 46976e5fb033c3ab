"""`uses`: what names a definition or a group, and what stands in the way of deleting it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter
from pydantic import BaseModel

from consumer.catalog import repository
from consumer.catalog.repository import Scope
from consumer.scoring.segments.repository import segments_naming
from consumer.web.api.catalog import deletion_conflicts
from consumer.web.http.api_route import ApiRoute
from consumer.web.http.auth import Reader
from consumer.web.http.database import Database
from consumer.web.http.problems import not_found
from sql import queries

if TYPE_CHECKING:
    from consumer.catalog.model.account import AccountCatalog

router = APIRouter(prefix="/v1/accounts/{account}", tags=["definitions"], route_class=ApiRoute)


class WeightUse(BaseModel, use_attribute_docstrings=True):
    """A profile that gives a definition points of its own, or has it in the version that readers see."""

    profile: str
    """The profile's key."""
    own: int | None
    """The draft's own weight; null: it has none."""
    published: int | None
    """The points in the version that readers see; null: it does not have the definition."""


class DefinitionUses(BaseModel, use_attribute_docstrings=True):
    """What names a definition."""

    segments: list[str]
    """Keys of the segments that name it."""
    weights: list[WeightUse]
    """The profiles that have it."""
    counted: bool
    """Whether an event has counted under it."""
    blocked_by: list[str]
    """Why it cannot be deleted now; empty: it can, unless entries of it that never counted are on a timeline."""


class GroupUses(BaseModel, use_attribute_docstrings=True):
    """What names a group."""

    definitions: list[str]
    """Keys of its definitions."""
    segments: list[str]
    """Keys of the segments that name it."""
    profiles: list[str]
    """Keys of the profiles whose published version counts definitions in it."""
    blocked_by: list[str]
    """Why it cannot be deleted now; empty: it can."""


@router.get("/definitions/{definition}/uses")
async def read_definition_uses(caller: Reader, database: Database, definition: str) -> DefinitionUses:
    """Return what names a definition, and why it cannot be deleted."""
    async with database.snapshot() as connection:
        state = await repository.read(connection, caller.account.key, Scope(definitions=[definition]))
        segments = await segments_naming(connection, caller.account.id, "definition", definition)
    if definition not in state.definitions:
        raise not_found(f"definition {definition}")
    current = state.definitions[definition]
    return DefinitionUses(
        segments=segments,
        weights=_weights(state, definition),
        counted=current.counted,
        blocked_by=deletion_conflicts.of_definition(current, segments),
    )


@router.get("/groups/{group}/uses")
async def read_group_uses(caller: Reader, database: Database, group: str) -> GroupUses:
    """Return what names a group, and why it cannot be deleted."""
    async with database.snapshot() as connection:
        state = await repository.read(connection, caller.account.key, Scope(profiles=()))
        if group not in state.groups:
            raise not_found(f"group {group}")
        found = await deletion_conflicts.read_group_uses(connection, caller.account.id, group)
        profiles = await connection.fetch(queries("accounts")["versions_counting"], caller.account.id, group)
    members = [each.key for each in state.definitions.values() if each.group == group]
    return GroupUses(
        definitions=members,
        segments=found.segments,
        profiles=[row["key"] for row in profiles],
        blocked_by=deletion_conflicts.of_group(members, found),
    )


def _weights(state: AccountCatalog, key: str) -> list[WeightUse]:
    uses = [
        WeightUse(
            profile=profile.key,
            own=profile.weights.get(key),
            published=weight.points
            if profile.version and (weight := profile.version.weights.get(key))
            else None,
        )
        for profile in state.profiles.values()
    ]
    return [use for use in uses if use.own is not None or use.published is not None]
