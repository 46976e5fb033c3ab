"""What else is wrong with a body whose shape has faults, by the catalog and by what the account has.

A route checks this once the shape is right. Where it is not, the faults of both stages are wanted at once: a
misspelt field must not hide that there is no such group. What the shape makes unreadable is left out.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from consumer.catalog import repository
from consumer.catalog.document.fields import KEY, MAX_TEXT
from consumer.catalog.model.account import AccountCatalog
from consumer.catalog.repository import SETTINGS, Scope
from consumer.scoring.segments.definition import Match
from consumer.scoring.segments.repository import read_account_ids
from consumer.web.api.catalog import unmatched_inbox
from consumer.web.api.catalog.accounts import AccountChange, NewAccount
from consumer.web.api.catalog.edit import with_entry, with_settings
from consumer.web.api.catalog.schemas import DefinitionChange, GroupChange, NewDefinition, NewGroup
from consumer.web.api.catalog.try_event import Draft, Sample
from consumer.web.api.catalog.unmatched_inbox import FromInbox
from consumer.web.api.contacts.adjustments import NewAdjustment
from consumer.web.api.contacts.scores import Lookup
from consumer.web.api.contacts.segment_references import reference_faults
from consumer.web.api.contacts.segments import NewSegment, SegmentChange, SegmentToCount
from consumer.web.api.profiles.previews import PreviewRequest
from consumer.web.api.profiles.schemas import NewProfile, ProfileChange
from consumer.web.http.database import connections_of
from consumer.web.http.problems import ProblemError, body_fault, invalid

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from fastapi.exceptions import RequestValidationError
    from pydantic import BaseModel
    from starlette.requests import Request

    from consumer.web.http.auth import Caller
    from consumer.web.http.problems import FieldFault

    Values = dict[str, Any]
    Check = Callable[[Request, Values], Awaitable[None]]


# Of a larger body only the shape is checked while it has faults: the other checks take longer the larger it is.
_MOST_BYTES = 65_536


# Fields that name what the other fields are about.
_NAMES = {"account", "key", "type"}
_WITH_MEMBERS = {"events", "weights", "when"}


async def faults(request: Request, error: RequestValidationError) -> list[FieldFault]:
    """Return the faults that the checks of the route find in a body, whatever its shape."""
    field = getattr(request.scope["route"], "body_field", None)
    check = field and _CHECKS.get(field.field_info.annotation)
    if check is None or not isinstance(error.body, dict) or len(await request.body()) > _MOST_BYTES:
        return []
    try:
        await check(request, error.body)
    except ProblemError as problem:
        return problem.errors
    except RecursionError:
        return []  # nested so deeply that its shape says it
    return []


def _entry(model: type[BaseModel], section: str, parameter: str = "") -> Check:
    """Return the check of a group, definition or profile. parameter: of the path; none: the body has the key."""

    async def check(request: Request, body: Values) -> None:
        key = request.path_params[parameter] if parameter else _key(body)
        stored = await _stored(request, _scope(section, key))
        if not parameter or key in getattr(stored, section):
            await asyncio.to_thread(
                with_entry, stored, section, key, _known(model, body), request.app.state.limits
            )

    return check


def _scope(section: str, key: str) -> Scope:
    if section == "groups":
        return SETTINGS
    return Scope(definitions=[key]) if section == "definitions" else Scope(profiles=[key])


async def _new_account(_request: Request, body: Values) -> None:
    with_settings(AccountCatalog("new"), _known(NewAccount, body))


async def _changed_account(request: Request, body: Values) -> None:
    with_settings(await _stored(request, SETTINGS), _known(AccountChange, body))


async def _tried(request: Request, body: Values) -> None:
    draft = body.get("draft")
    if isinstance(draft, dict):
        key = _key(draft)
        stored = await _stored(request, Scope(definitions=[key], profiles=()))
        await asyncio.to_thread(
            with_entry, stored, "definitions", key, _known(Draft, draft), None, parent="draft"
        )


async def _from_inbox(request: Request, body: Values) -> None:
    key = _key(body)
    stored = await _stored(request, _scope("definitions", key))
    named = body.get("type")
    event_type = named if isinstance(named, str) and 0 < len(named) <= MAX_TEXT else "unnamed"
    values = {**unmatched_inbox.defaults(event_type, stored), **_known(FromInbox, body)}
    await asyncio.to_thread(with_entry, stored, "definitions", key, values, request.app.state.limits)


async def _segment(request: Request, body: Values) -> None:
    try:
        match = Match.model_validate(body.get("match"))
    except ValidationError:
        match = None
    profile = body.get("profile")
    caller: Caller = request.state.caller
    async with connections_of(request).connection() as connection:
        found = await reference_faults(
            connection, caller.account.id, profile if isinstance(profile, str) else None, match
        )
    raise invalid(*found)


async def _adjustment(request: Request, body: Values) -> None:
    await _require(
        request, [("group", "group", body.get("group")), ("profile", "profile", body.get("profile"))]
    )


async def _lookup(request: Request, body: Values) -> None:
    await _require(request, [("profile", "profile", body.get("profile"))])


async def _preview(request: Request, body: Values) -> None:
    ranges = body.get("ranges")
    listed = enumerate(ranges) if isinstance(ranges, list) else ()
    await _require(
        request,
        [
            (f"ranges.{place}.group", "group", each.get("group"))
            for place, each in listed
            if isinstance(each, dict)
        ],
    )


async def _require(request: Request, named: Iterable[tuple[str, str, object]]) -> None:
    """Raise ProblemError for each group and profile that there is not: field, `group` or `profile`, and key."""
    caller: Caller = request.state.caller
    async with connections_of(request).connection() as connection:
        ids = await read_account_ids(connection, caller.account.id)
    known = {"group": ids.groups.keys() - ids.deleted, "profile": ids.profiles.keys()}
    raise invalid(
        *(
            body_fault(field, f"there is no {what} {key}")
            for field, what, key in named
            if isinstance(key, str) and KEY.fullmatch(key) and key not in known[what]
        )
    )


async def _stored(request: Request, scope: Scope) -> AccountCatalog:
    caller: Caller = request.state.caller
    async with connections_of(request).snapshot(heavy=True) as connection:
        return await repository.read(connection, caller.account.key, scope, with_rest=True)


def _known(model: type[BaseModel], body: Values) -> Values:
    """Return the fields that the model has, but for names; others are faults of the shape already.

    So is what should be a list or an object and is none: the checks count its members.
    """
    return {
        name: body[name]
        for name in model.model_fields
        if name in body
        and name not in _NAMES
        and (name not in _WITH_MEMBERS or isinstance(body[name], list | dict))
    }


def _key(body: Values) -> str:
    """Return the key in a body, or one in its place that can be."""
    key = body.get("key")
    return key if isinstance(key, str) and KEY.fullmatch(key) else "unnamed"


_CHECKS: dict[Any, Check] = {
    NewAccount: _new_account,
    AccountChange: _changed_account,
    NewGroup: _entry(NewGroup, "groups"),
    GroupChange: _entry(GroupChange, "groups", "group"),
    NewDefinition: _entry(NewDefinition, "definitions"),
    DefinitionChange: _entry(DefinitionChange, "definitions", "definition"),
    NewProfile: _entry(NewProfile, "profiles"),
    ProfileChange: _entry(ProfileChange, "profiles", "profile"),
    Sample: _tried,
    FromInbox: _from_inbox,
    NewSegment: _segment,
    SegmentChange: _segment,
    SegmentToCount: _segment,
    NewAdjustment: _adjustment,
    Lookup: _lookup,
    PreviewRequest: _preview,
}
