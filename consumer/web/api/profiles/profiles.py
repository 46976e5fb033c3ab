"""`profiles`: drafts of score profiles, their order, and the primary profile."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import asyncpg
from fastapi import APIRouter, Query
from starlette.responses import Response

from consumer.catalog import repository
from consumer.catalog.model import profile_versions
from consumer.catalog.repository import Scope
from consumer.scoring import profile_publish
from consumer.web.api.catalog.edit import Limits, edit, order_answer, reordered, with_entry
from consumer.web.api.catalog.schemas import Order, OrderAnswer
from consumer.web.api.profiles.archived_profiles import active_profiles, with_archived
from consumer.web.api.profiles.schemas import (
    NewProfile,
    Primary,
    PrimaryAnswer,
    ProfileAnswer,
    ProfileChange,
    ProfileSummary,
    profile_answer,
    profile_revision,
    profile_summary,
)
from consumer.web.http import etags
from consumer.web.http.api_route import ApiRoute
from consumer.web.http.auth import Manager, Reader
from consumer.web.http.cursors import MAX_CONFIGURED, ConfigurationLimit, Cursor, Page, page_of_keys
from consumer.web.http.database import Database
from consumer.web.http.etags import IfMatch
from consumer.web.http.problems import conflict, not_found
from sql import queries

if TYPE_CHECKING:
    from consumer.catalog.model.account import AccountCatalog, Profile
    from consumer.infra.postgres.connection import Connection

router = APIRouter(prefix="/v1/accounts/{account}", tags=["profiles"], route_class=ApiRoute)

Archived = Annotated[bool, Query(description="Whether archived profiles are listed too.")]

# A document that lists a profile as published publishes its draft; edits over HTTP must not.
_WITHHELD = {"published": False}
# Profiles without their weights.
_ORDER = Scope(definitions=())


@router.get("/profiles")
async def list_profiles(
    caller: Reader,
    database: Database,
    *,
    archived: Archived = False,
    limit: ConfigurationLimit = MAX_CONFIGURED,
    cursor: Cursor = None,
) -> Page[ProfileSummary]:
    """List the profiles in display order, those that are archived only on request."""
    context = ("profiles", caller.account.id, archived)
    async with database.snapshot(heavy=True) as connection:
        known = await repository.read(connection, caller.account.key, _ORDER)
        listed = known.profiles if archived else active_profiles(known)
        keys, following = page_of_keys([*listed], limit, context, cursor)
        state = await repository.read(connection, caller.account.key, Scope(profiles=keys))
    items = await asyncio.to_thread(_summaries, state)
    return Page(items=items, next=following, engagement=caller.account.engagement)


def _summaries(state: AccountCatalog) -> list[ProfileSummary]:
    return [profile_summary(profile, state) for profile in state.profiles.values()]


@router.post("/profiles", status_code=201)
async def create_profile(
    caller: Manager, database: Database, limits: Limits, body: NewProfile, response: Response
) -> ProfileAnswer:
    """Create a draft profile at the end of the order; readers see it once it is published."""

    def make(before: AccountCatalog) -> AccountCatalog:
        if body.key in before.profiles:
            raise conflict(f"profile {body.key} already exists")
        return with_entry(before, "profiles", body.key, body.provided() | _WITHHELD, limits)

    scope = Scope(profiles=[body.key])
    state = await edit(database, caller.account.key, caller.actor, make, scope=scope)
    return await tagged_answer(state, body.key, response)


@router.get("/profiles/{profile}")
async def read_profile(caller: Reader, database: Database, profile: str, response: Response) -> ProfileAnswer:
    """Return a profile, with the weight of each definition in its draft and as readers see it."""
    async with database.snapshot() as connection:
        state = await repository.read(connection, caller.account.key, Scope(profiles=[profile]))
    return await tagged_answer(state, profile, response)


@router.patch("/profiles/{profile}")
async def change_profile(
    caller: Manager,
    database: Database,
    profile: str,
    body: ProfileChange,
    response: Response,
    *,
    limits: Limits,
    if_match: IfMatch = None,
) -> ProfileAnswer:
    """Change a profile; omitted fields stay. `inherits` and `weights` take effect by a publish."""

    def make(before: AccountCatalog) -> AccountCatalog:
        values, current = body.provided(), require_seen(before, profile, if_match)
        archived = values.pop("archived", current.archived)
        return with_archived(
            before,
            profile,
            archived=archived,
            change=lambda active: (
                with_entry(active, "profiles", profile, values | _WITHHELD, limits) if values else active
            ),
        )

    scope = Scope(profiles=[profile])
    state = await edit(database, caller.account.key, caller.actor, make, scope=scope)
    return await tagged_answer(state, profile, response)


@router.delete("/profiles/{profile}", status_code=204)
async def delete_profile(caller: Manager, database: Database, profile: str, if_match: IfMatch = None) -> None:
    """Delete a profile that was never published; a published one stays, with its versions."""

    def make(before: AccountCatalog) -> AccountCatalog:
        draft = require_seen(before, profile, if_match)
        if draft.primary:
            raise conflict("the primary profile cannot be deleted: make another profile primary first")
        if draft.was_published:
            raise conflict(
                "the profile was published and cannot be deleted: rename it, or move it down in the order"
            )
        if draft.publish_runs:
            raise conflict(
                "a publish of the profile is running: cancel it first, and wait until it has ended"
            )
        return replace(
            before, profiles={key: each for key, each in before.profiles.items() if key != profile}
        )

    try:
        await edit(database, caller.account.key, caller.actor, make, scope=Scope(profiles=[profile]))
    except asyncpg.ForeignKeyViolationError:
        raise conflict(
            "the profile is in use, for example by score adjustments, and cannot be deleted"
        ) from None


@router.get("/profile-order")
async def read_profile_order(caller: Reader, database: Database, response: Response) -> OrderAnswer:
    """Return the order of the profiles."""
    async with database.snapshot() as connection:
        state = await repository.read(connection, caller.account.key, _ORDER)
    return order_answer(active_profiles(state), response)


@router.put("/profile-order")
async def change_profile_order(
    caller: Manager, database: Database, body: Order, response: Response, if_match: IfMatch = None
) -> OrderAnswer:
    """Change the order of the profiles."""

    def make(before: AccountCatalog) -> AccountCatalog:
        active = active_profiles(before)
        etags.require_match(if_match, etags.revision([*active]))
        # Those that are archived come last.
        return replace(before, profiles={**reordered(active, body.keys), **before.profiles})

    state = await edit(database, caller.account.key, caller.actor, make, scope=_ORDER)
    return order_answer(active_profiles(state), response)


@router.get("/primary-profile")
async def read_primary_profile(caller: Reader, database: Database, response: Response) -> PrimaryAnswer:
    """Return the key of the primary profile."""
    async with database.snapshot() as connection:
        state = await repository.read(connection, caller.account.key, _ORDER)
    return _primary_answer(state, response)


@router.put("/primary-profile")
async def change_primary_profile(
    caller: Manager, database: Database, body: Primary, response: Response, if_match: IfMatch = None
) -> PrimaryAnswer:
    """Change the primary profile. Once an event has counted, it must be a published one."""

    def make(before: AccountCatalog) -> AccountCatalog:
        etags.require_match(if_match, etags.revision([_primary_key(before)]))
        chosen = require_profile(before, body.profile)
        profile_publish.require_active(chosen)
        if before.has_history and not chosen.version:
            raise conflict(f"profile {body.profile} was never published: publish it first")
        profiles = {key: replace(each, primary=key == body.profile) for key, each in before.profiles.items()}
        # A primary profile is always published; before anything has counted this changes no score.
        profiles[body.profile] = profile_versions.publish_if_wanted(
            profiles[body.profile], before.definitions, wanted=False, has_history=before.has_history
        )
        return replace(before, profiles=profiles)

    return _primary_answer(await edit(database, caller.account.key, caller.actor, make), response)


def require_profile(state: AccountCatalog, key: str) -> Profile:
    """Return a profile by key; raises ProblemError (404) if there is none."""
    if key not in state.profiles:
        raise not_found(f"profile {key}")
    return state.profiles[key]


def require_seen(state: AccountCatalog, key: str, if_match: str | None) -> Profile:
    """Return a profile that the caller has seen as it is; raises ProblemError (404, 412, 428).

    state: with this profile, and all definitions.
    """
    profile = require_profile(state, key)
    etags.require_match(if_match, profile_revision(profile, state))
    return profile


async def find_profile_id(connection: Connection, account: int, key: str) -> int:
    """Return a profile's id in the database; raises ProblemError (404) if there is none."""
    profile_id: int | None = await connection.fetchval(queries("profile_history")["number"], account, key)
    if profile_id is None:
        raise not_found(f"profile {key}")
    return profile_id


async def tagged_answer(state: AccountCatalog, key: str, response: Response) -> ProfileAnswer:
    """Return a profile and set its ETag; raises ProblemError (404) if there is none."""
    answer = await asyncio.to_thread(profile_answer, require_profile(state, key), state)
    etags.set_etag(response, answer.revision)
    return answer


def _primary_key(state: AccountCatalog) -> str:
    return next(profile.key for profile in state.profiles.values() if profile.primary)


def _primary_answer(state: AccountCatalog, response: Response) -> PrimaryAnswer:
    key = _primary_key(state)
    etags.set_etag(response, etags.revision([key]))
    return PrimaryAnswer(profile=key)
