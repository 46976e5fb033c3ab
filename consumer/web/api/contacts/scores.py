"""Scores of given contacts: lookup by id, explanation; at an instant, by day, and under any version."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from consumer.web.api.contacts import past_scores, score_explanation, score_lookup
from consumer.web.api.contacts.contact_reads import read_under
from consumer.web.api.contacts.past_scores import History, PastScore
from consumer.web.api.contacts.profile_view import ProfileKey
from consumer.web.api.contacts.recent_changes import read_changes
from consumer.web.api.contacts.schemas import ContactScores
from consumer.web.api.contacts.score_explanation import Explanation
from consumer.web.api.contacts.score_parts import read_scored_contact
from consumer.web.http.api_route import ApiRoute
from consumer.web.http.auth import Reader
from consumer.web.http.cursors import MAX_ITEMS
from consumer.web.http.database import Database
from consumer.web.http.json_response import JsonResponse
from consumer.web.http.request_types import Body, ContactId, Key
from consumer.web.http.timestamps import InstantParam

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.web.api.contacts.schemas import RecentChanges

AnyVersion = Annotated[
    int | None,
    Query(
        alias="version",
        ge=1,
        le=2**31 - 1,
        description="A version of the profile that readers see or saw; default: the one that they see.",
    ),
]

router = APIRouter(prefix="/v1/accounts/{account}", tags=["scores"], route_class=ApiRoute)


class Lookup(Body):
    """The contacts to look up, and the profile."""

    contacts: list[ContactId] = Field(min_length=1, max_length=MAX_ITEMS)
    """Ids of contacts, repeated ones too."""
    profile: Key | None = None
    """The profile, by key; null: the primary one."""
    change: bool = False
    """Return how scores have changed lately too."""


class LookedUp(BaseModel, use_attribute_docstrings=True):
    """The result for one requested id."""

    asked: str
    """The id as in the request."""
    contact: ContactScores | None
    """The contact with its scores; null if no contact with that id was ever seen."""


class LookupAnswer(BaseModel, use_attribute_docstrings=True):
    """Scores under a version of a profile."""

    profile: str
    """The profile's key."""
    version: int
    """The version that readers see."""
    apart: list[str]
    """The keys of the groups that are no part of overall."""
    items: list[LookedUp]
    """A result for each id, in the order of the request."""
    unknown: list[str]
    """Ids of no known contact."""


@router.post("/scores/lookup", response_model=LookupAnswer)
async def look_up_scores(caller: Reader, database: Database, body: Lookup) -> JsonResponse:
    """Return the scores of up to 200 contacts by id."""
    account = caller.account.id
    # One statement is a snapshot by itself.
    async with database.snapshot() if body.change else database.connection() as connection:
        view, rows = await score_lookup.read_rows(connection, account, body.profile, body.contacts)
        known = {row["id"] for row in rows if row["id"] is not None}
        changes: Mapping[tuple[int, int], RecentChanges] = {}
        if body.change and known:
            read = {view.id: read_under(view, rows)}
            changes = await read_changes(connection, account, [*known], read, view.groups)
    return JsonResponse(score_lookup.answer(view, body.contacts, rows, changes))


@router.get("/contacts/{contact:path}/score/explanation")
async def explain_score(
    caller: Reader, database: Database, contact: str, profile: ProfileKey = None
) -> Explanation:
    """Return the parts of a contact's score: times counted × weight for each definition, adjustments, bounds."""
    async with database.snapshot() as connection:
        scored = await read_scored_contact(connection, caller.account.id, contact, profile)
        return await score_explanation.explain(connection, scored)


@router.get("/contacts/{contact:path}/score")
async def read_score(
    caller: Reader,
    database: Database,
    contact: str,
    *,
    profile: ProfileKey = None,
    at: Annotated[
        InstantParam | None,
        Query(description="Only what is dated before this instant; default: everything."),
    ] = None,
    version: AnyVersion = None,
) -> PastScore:
    """Return a contact's score at an instant, under any version: from its timeline with today's verdicts."""
    async with database.snapshot() as connection:
        scored = await read_scored_contact(connection, caller.account.id, contact, profile, version)
        return await past_scores.score_at(connection, scored, at)


@router.get("/contacts/{contact:path}/score/history")
async def read_score_history(
    caller: Reader,
    database: Database,
    contact: str,
    *,
    profile: ProfileKey = None,
    since: Annotated[date | None, Query(description="The first day, inclusive.")] = None,
    until: Annotated[date | None, Query(description="The last day, inclusive.")] = None,
    version: AnyVersion = None,
) -> History:
    """Return a contact's score by day, under any version, computed from its timeline with today's verdicts."""
    async with database.snapshot() as connection:
        scored = await read_scored_contact(connection, caller.account.id, contact, profile, version)
        return await past_scores.history(connection, scored, since=since or date.min, until=until or date.max)
