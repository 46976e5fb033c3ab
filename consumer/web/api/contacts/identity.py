"""`contacts/{contact}/joins`, deletion and export: what a contact is, and what is kept of a person."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import quote

import msgspec
from fastapi import APIRouter, Path
from pydantic import BaseModel
from starlette.responses import Response

from consumer.scoring.identity import previews, requests
from consumer.scoring.identity.requests import UnknownSurvivorError
from consumer.web.api.contacts.contact_export import export_lines
from consumer.web.http.api_route import ApiRoute
from consumer.web.http.auth import Manager, Operator, Reader
from consumer.web.http.database import Database
from consumer.web.http.export_response import ExportResponse, stream_lines
from consumer.web.http.ndjson_response import MEDIA_TYPE
from consumer.web.http.problems import body_fault, invalid
from consumer.web.http.request_types import Body, ContactId

if TYPE_CHECKING:
    from consumer.scoring.identity.previews import Scores
    from consumer.scoring.identity.requests import DeletionStatus, JoinStatus

router = APIRouter(prefix="/v1/accounts/{account}", tags=["contacts"], route_class=ApiRoute)

Contact = Annotated[str, Path(description="The contact's id in the upstream system.")]


class NewJoin(Body):
    """Join the contact of the path to another, which survives."""

    into: ContactId
    """The id of the contact that both ids will mean."""


class JoinAnswer(BaseModel, use_attribute_docstrings=True):
    """A join of a contact to another."""

    id: str
    """The id of the join."""
    into: str | None
    """The id that it leads to; null once that contact was deleted."""
    origin: Literal["merged", "identify", "api"]
    """`merged` and `identify` came with an event; joins of the API can be undone."""
    occurred_at: datetime
    """When the event was, or the request."""
    requested_by: str | None
    """Who requested it: `sub` of the token; null: it came with an event."""
    carried_out: bool
    """Whether both ids mean one contact already: a worker does it within seconds."""


class JoinsAnswer(BaseModel, use_attribute_docstrings=True):
    """The joins of an id. Of several the newest holds."""

    items: list[JoinAnswer]
    """The joins, newest first."""


class JoinedScore(BaseModel, use_attribute_docstrings=True):
    """A score of two contacts, and of the one that they are together."""

    group: str | None
    """The group's key; null: the overall score."""
    contact: int
    """The points of the contact of the path by itself."""
    into: int
    """The points of the other contact by itself."""
    joined: int
    """The points of one contact."""


class JoinPreviewAnswer(BaseModel, use_attribute_docstrings=True):
    """What a join would do."""

    survivor: str
    """The id that both would mean."""
    profiles: dict[str, list[JoinedScore]]
    """Scores by profile."""
    ceasing: int
    """Events that would cease to count, since another of the same definition counts already."""
    beginning: int
    """Events that would begin to count."""


class SplitPreviewAnswer(BaseModel, use_attribute_docstrings=True):
    """What undoing a join would do."""

    contact: str
    """The contact that the id of the path would mean."""
    into: str
    """The contact that it means now."""
    profiles: dict[str, list[JoinedScore]]
    """Scores by profile: `joined` is now, the others are then."""
    ceasing: int
    """Events that would cease to count."""
    beginning: int
    """Events that would begin to count, each with the contact by whose id it came."""


class DeletionAnswer(BaseModel, use_attribute_docstrings=True):
    """A deletion. It never names the contact again."""

    id: str
    """The id of the deletion."""
    contact: str
    """What stands for the contact's id from now on, in the audit trail too: a salted hash."""
    requested_at: datetime
    """When it was requested: what is dated before goes."""
    done_at: datetime | None
    """When a worker had carried it out; null: not yet."""
    taken: dict[str, int] | None
    """What went, as numbers of rows; null: not carried out yet."""
    not_reached: list[str]
    """Where the person's data may still be, since it is not this service that keeps it."""


@router.post("/contacts/{contact:path}/joins", status_code=202)
async def join_contact(
    caller: Manager, database: Database, contact: Contact, body: NewJoin, response: Response
) -> JoinAnswer:
    """Join a contact to another; a worker carries it out within seconds. `DELETE` of the join undoes it."""
    try:
        status = await database.change(
            lambda connection: requests.join(
                connection, caller.account.key, contact, body.into, by=caller.actor
            )
        )
    except UnknownSurvivorError as error:
        raise invalid(body_fault("into", str(error))) from None
    response.headers["Location"] = f"/v1/accounts/{caller.account.key}/contacts/{quote(contact)}/joins"
    return _join(status)


@router.post("/contacts/{contact:path}/joins/preview")
async def preview_join(
    caller: Manager, database: Database, contact: Contact, body: NewJoin
) -> JoinPreviewAnswer:
    """Return what joining a contact to another would make of their scores. Changes nothing."""
    async with database.preview() as connection:
        try:
            preview = await previews.preview_join(connection, caller.account.key, contact, body.into)
        except UnknownSurvivorError as error:
            raise invalid(body_fault("into", str(error))) from None
    return JoinPreviewAnswer(
        survivor=preview.survivor,
        profiles=_scores(preview.scores),
        ceasing=preview.ceasing,
        beginning=preview.beginning,
    )


@router.post("/contacts/{contact:path}/joins/{join}/preview")
async def preview_split(
    caller: Manager, database: Database, contact: Contact, join: str
) -> SplitPreviewAnswer:
    """Return what undoing a join of the API would make of the scores. Changes nothing."""
    async with database.preview() as connection:
        preview = await previews.preview_split(connection, caller.account.key, contact, join)
    return SplitPreviewAnswer(
        contact=preview.contact,
        into=preview.into,
        profiles=_scores(preview.scores),
        ceasing=preview.ceasing,
        beginning=preview.beginning,
    )


@router.get("/contacts/{contact:path}/joins")
async def list_joins(caller: Reader, database: Database, contact: Contact) -> JoinsAnswer:
    """List the joins of an id to other contacts, newest first."""
    async with database.connection() as connection:
        joins = await requests.joins_of(connection, caller.account.id, contact)
    return JoinsAnswer(items=[_join(one) for one in joins])


@router.delete("/contacts/{contact:path}/joins/{join}", status_code=204)
async def undo_join(caller: Manager, database: Database, contact: Contact, join: str) -> None:
    """Undo a join of the API: both contacts become what they would be without it, newer events included."""
    await database.change(
        lambda connection: requests.undo_join(connection, caller.account.key, contact, join, by=caller.actor)
    )


@router.get(
    "/contacts/{contact:path}/export",
    response_class=ExportResponse,
    responses={200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}},
)
async def export_contact(caller: Operator, database: Database, contact: Contact) -> ExportResponse:
    """Return everything that is kept of a contact as JSON Lines: fields, scores, timeline, adjustments, XP."""
    return await stream_lines(export_lines(database, caller.account.id, contact), MEDIA_TYPE)


@router.delete("/contacts/{contact:path}", status_code=202)
async def delete_contact(
    caller: Operator, database: Database, contact: Contact, response: Response
) -> DeletionAnswer:
    """Delete what is dated before now of a contact; a worker carries it out within seconds.

    Events that are dated earlier and come later are ignored. `Location` is the address of the report.
    """
    status = await database.change(
        lambda connection: requests.delete(connection, caller.account.key, contact, by=caller.actor)
    )
    response.headers["Location"] = f"/v1/accounts/{caller.account.key}/deletions/{status.id}"
    return _deletion(status)


@router.get("/deletions/{deletion}")
async def read_deletion(caller: Operator, database: Database, deletion: str) -> DeletionAnswer:
    """Return the report of a deletion: what went, and what cannot be reached."""
    async with database.connection() as connection:
        status = await requests.deletion_status(connection, caller.account.id, deletion)
    return _deletion(status)


def _scores(scores: Scores) -> dict[str, list[JoinedScore]]:
    return {
        profile: [
            JoinedScore(group=group or None, contact=mine, into=theirs, joined=joined)
            for group, (mine, theirs, joined) in groups.items()
        ]
        for profile, groups in scores.items()
    }


def _join(status: JoinStatus) -> JoinAnswer:
    values = msgspec.structs.asdict(status)
    return JoinAnswer(carried_out=values.pop("is_carried_out"), **values)


def _deletion(status: DeletionStatus) -> DeletionAnswer:
    return DeletionAnswer(
        id=status.id,
        contact=status.contact,
        requested_at=status.occurred_at,
        done_at=status.carried_out_at,
        taken=status.taken,
        not_reached=list(requests.NOT_REACHED),
    )
