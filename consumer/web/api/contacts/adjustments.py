"""`contacts/{contact}/adjustments`: points that people give or take, and take back."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Path
from pydantic import AfterValidator, BaseModel, Field, model_validator
from starlette.responses import Response

from consumer.infra.postgres.connection import fetch_one
from consumer.scoring import adjustments
from consumer.scoring.adjustments import Adjustment, ClientKeyUsedError, NothingToAdjustError
from consumer.scoring.undo_adjustment import UndoesAnotherError, UnknownAdjustmentError, undo
from consumer.web.api.contacts.contact_reads import find_contact
from consumer.web.api.contacts.schemas import AdjustmentId
from consumer.web.http import cursors
from consumer.web.http.api_route import ApiRoute
from consumer.web.http.auth import Manager, Reader
from consumer.web.http.cursors import Cursor, Limit, Page
from consumer.web.http.database import Database
from consumer.web.http.outward_ids import ADJUSTMENT
from consumer.web.http.problems import body_fault, conflict, invalid, not_found
from consumer.web.http.request_types import Body, Key, Points, Text
from sql import queries

router = APIRouter(prefix="/v1/accounts/{account}", tags=["contacts"], route_class=ApiRoute)

_SQL = queries("adjustments")
_CREATED, _REPEATED = 201, 200

Contact = Annotated[str, Path(description="The contact's id in the upstream system.")]


def _not_zero(points: int) -> int:
    if points == 0:
        raise ValueError("must not be 0")
    return points


class NewAdjustment(Body):
    """Points to give, or to take if negative, in a group of a profile."""

    group: Key
    """The key of the group."""
    points: Annotated[Points, AfterValidator(_not_zero)]
    """Given, or taken if negative; not 0."""
    reason: Text
    """Why, for the timeline and the audit trail."""
    client_key: Text
    """Chosen by the client, unique for each adjustment of a contact; it makes a retry safe."""
    profile: Key | None = None
    """Null: the primary profile."""


class UndoAdjustment(Body):
    """Why the points are taken back."""

    reason: Text = Field(default="undone")
    """For the timeline and the audit trail."""


class AdjustmentAnswer(BaseModel, use_attribute_docstrings=True):
    """Points that a person gave or took."""

    id: AdjustmentId
    """Its id, by which it is undone."""
    profile: str
    """The key of the profile whose scores it changed."""
    group: str
    """The key of the group."""
    points: int
    """Given, or taken if negative."""
    reason: str
    """Why, for the timeline and the audit trail."""
    author: str
    """The actor of the request that made it."""
    client_key: str
    """Chosen by the client; of an undoing `undo:` and the id of what it undoes."""
    created_at: datetime
    """When it was made."""
    undoes: AdjustmentId | None
    """The adjustment of which it gives the opposite points; null: none."""
    undone_by: AdjustmentId | None
    """The adjustment that gives the opposite points of this one; null: none."""

    @model_validator(mode="after")
    def _seal_client_key(self) -> Self:
        """Put the id in the place of the number, in the key that an undoing has."""
        if self.undoes is not None:
            self.client_key = f"undo:{ADJUSTMENT.write(self.undoes)}"
        return self


_REPEATED_ANSWER = {
    "model": AdjustmentAnswer,
    "description": "The same was sent before; it had no further effect.",
}


@router.post(
    "/contacts/{contact:path}/adjustments",
    status_code=_CREATED,
    responses={_REPEATED: _REPEATED_ANSWER},
)
async def adjust_contact(
    caller: Manager, database: Database, contact: Contact, body: NewAdjustment, response: Response
) -> AdjustmentAnswer:
    """Give or take points. A repeat under the same client key has no effect; a different adjustment is refused."""
    adjustment = Adjustment(
        account=caller.account.key, contact=contact, author=caller.actor, **body.model_dump()
    )
    try:
        number, new = await database.change(lambda connection: adjustments.add(connection, adjustment))
    except ClientKeyUsedError as error:
        raise conflict(str(error)) from None
    except NothingToAdjustError as error:
        if "contact" in error.missing:
            raise not_found(f"contact {contact}") from None
        raise invalid(
            *(body_fault(what, f"there is no {what} {getattr(adjustment, what)}") for what in error.missing)
        ) from None
    async with database.connection() as connection:
        row = await fetch_one(connection, _SQL["by_number"], [number])
    response.status_code = _CREATED if new else _REPEATED
    return AdjustmentAnswer(**row)


@router.get("/contacts/{contact:path}/adjustments")
async def list_adjustments(
    caller: Reader, database: Database, contact: Contact, limit: Limit = 50, cursor: Cursor = None
) -> Page[AdjustmentAnswer]:
    """List the adjustments of a contact, in all profiles, newest first."""
    context = ("adjustments", caller.account.id, contact)
    (before,) = cursors.decode(context, cursor) or (cursors.NEWEST,)
    async with database.connection() as connection:
        contact_id, _ = await find_contact(connection, caller.account.id, contact)
        rows = await connection.fetch(_SQL["page"], contact_id, before, limit + 1)
    items = [AdjustmentAnswer(**row) for row in rows]
    return cursors.page(items, limit, context, lambda item: [item.id], engagement=caller.account.engagement)


@router.post(
    "/contacts/{contact:path}/adjustments/{adjustment}/undo",
    status_code=_CREATED,
    responses={_REPEATED: _REPEATED_ANSWER},
)
async def undo_adjustment(
    caller: Manager,
    database: Database,
    contact: Contact,
    adjustment: AdjustmentId,
    response: Response,
    *,
    body: UndoAdjustment | None = None,
) -> AdjustmentAnswer:
    """Give the opposite points of an adjustment, once; a repeat has no effect. Returns the new adjustment."""
    reason = (body or UndoAdjustment()).reason
    try:
        added = await database.change(
            lambda connection: undo(
                connection, caller.account.key, contact, adjustment, author=caller.actor, reason=reason
            )
        )
    except UnknownAdjustmentError:
        raise not_found(f"adjustment {ADJUSTMENT.write(adjustment)} of contact {contact}") from None
    except (UndoesAnotherError, ClientKeyUsedError) as error:
        raise conflict(str(error)) from None
    async with database.connection() as connection:
        row = await fetch_one(connection, _SQL["by_number"], [added.number])
    response.status_code = _CREATED if added.is_new else _REPEATED
    return AdjustmentAnswer(**row)
