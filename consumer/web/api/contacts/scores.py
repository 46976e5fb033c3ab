"""Scores of given contacts: lookup by id, explanation, history by day."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from consumer.web.api.contacts import score_explanation
from consumer.web.api.contacts.contact_reads import find_contact, find_contact_ids, read_scores
from consumer.web.api.contacts.profile_view import ProfileKey, read_profile_view
from consumer.web.api.contacts.schemas import ContactScores
from consumer.web.api.contacts.score_explanation import Explanation, History
from consumer.web.http.auth import Reader
from consumer.web.http.cursors import MAX_ITEMS
from consumer.web.http.database import Database
from consumer.web.http.request_types import Body, ContactId, Key

router = APIRouter(prefix="/v1/accounts/{account}", tags=["scores"])


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
    items: list[LookedUp]
    """A result for each id, in the order of the request."""
    unknown: list[str]
    """Ids of no known contact."""


@router.post("/scores/lookup")
async def look_up_scores(caller: Reader, database: Database, body: Lookup) -> LookupAnswer:
    """Return the scores of up to 200 contacts by id."""
    async with database.snapshot() as connection:
        view = await read_profile_view(connection, caller.account.id, body.profile, part="body")
        contact_ids = await find_contact_ids(connection, caller.account.id, body.contacts)
        known = sorted({contact_id for contact_id in contact_ids if contact_id is not None})
        found = await read_scores(connection, caller.account.id, view, known, with_change=body.change)
        scores = dict(zip(known, found, strict=True))
    items = [
        LookedUp(asked=asked, contact=None if contact_id is None else scores[contact_id])
        for asked, contact_id in zip(body.contacts, contact_ids, strict=True)
    ]
    return LookupAnswer(
        profile=view.profile,
        version=view.version,
        items=items,
        unknown=[item.asked for item in items if item.contact is None],
    )


@router.get("/contacts/{contact:path}/score/explanation")
async def explain_score(
    caller: Reader, database: Database, contact: str, profile: ProfileKey = None
) -> Explanation:
    """Return the parts of a contact's score: times counted × weight for each definition, and adjustments."""
    account = caller.account.id
    async with database.snapshot() as connection:
        contact_id, external_id = await find_contact(connection, account, contact)
        view = await read_profile_view(connection, account, profile)
        return await score_explanation.explain(connection, account, contact_id, external_id, view)


@router.get("/contacts/{contact:path}/score/history")
async def read_score_history(
    caller: Reader,
    database: Database,
    contact: str,
    *,
    profile: ProfileKey = None,
    since: Annotated[date | None, Query(description="The first day, inclusive.")] = None,
    until: Annotated[date | None, Query(description="The last day, inclusive.")] = None,
) -> History:
    """Return a contact's score by day, computed from its timeline with today's weights and verdicts."""
    account = caller.account.id
    async with database.snapshot() as connection:
        contact_id, external_id = await find_contact(connection, account, contact)
        view = await read_profile_view(connection, account, profile)
        return await score_explanation.history(
            connection,
            account,
            contact_id,
            external_id,
            view,
            since=since or date.min,
            until=until or date.max,
        )
