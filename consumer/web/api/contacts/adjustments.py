"""`contacts/{contact}/adjustments`: points that people give or take, and why."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import AfterValidator, BaseModel
from starlette.responses import Response

from consumer.infra.postgres.connection import fetch_one
from consumer.scoring import adjustments
from consumer.scoring.adjustments import Adjustment, ClientKeyUsedError, NothingToAdjustError
from consumer.web.api.contacts.schemas import find_contact
from consumer.web.http import cursors
from consumer.web.http.auth import Manager, Reader
from consumer.web.http.cursors import Cursor, Limit, Page
from consumer.web.http.database import Database
from consumer.web.http.problems import body_fault, conflict, invalid, not_found
from consumer.web.http.request_body import Body, Key, Points, Text
from sql import queries

router = APIRouter(prefix="/v1/accounts/{account}", tags=["contacts"])

_SQL = queries("adjustments")
_CREATED, _FOUND = 201, 200

Contact = Annotated[str, Path(description="The contact's id in the upstream system.")]


def _moves(points: int) -> int:
    if points == 0:
        raise ValueError("must not be 0")
    return points


class NewAdjustment(Body):
    """Points to be given, or taken where negative, in a group of a profile.

    client_key: the caller's own for this adjustment of this contact, by which it is safe to send it again.
    """

    group: Key
    points: Annotated[Points, AfterValidator(_moves)]
    reason: Text
    client_key: Text
    profile: Key | None = None
    """Null: the primary one."""


class AdjustmentAnswer(BaseModel):
    """Points that somebody gave or took."""

    id: int
    profile: str
    group: str
    points: int
    reason: str
    author: str
    client_key: str
    created_at: datetime


@router.post(
    "/contacts/{contact:path}/adjustments",
    status_code=_CREATED,
    responses={_FOUND: {"model": AdjustmentAnswer, "description": "It was sent before: the same answer."}},
)
async def adjust_contact(
    caller: Manager, database: Database, contact: Contact, body: NewAdjustment, response: Response
) -> AdjustmentAnswer:
    """Give or take points; the same sent again has no effect, and another under the same client key is refused."""
    adjustment = Adjustment(
        account=caller.account.key, contact=contact, author=caller.actor, **body.model_dump()
    )
    async with database.connection() as connection:
        try:
            number, new = await adjustments.add(connection, adjustment)
        except ClientKeyUsedError as error:
            raise conflict(str(error)) from None
        except NothingToAdjustError as error:
            if "contact" in error.missing:
                raise not_found(f"contact {contact}") from None
            raise invalid(
                *(
                    body_fault(what, f"there is no {what} {getattr(adjustment, what)}")
                    for what in error.missing
                )
            ) from None
        found, _ = await find_contact(connection, caller.account.id, contact)
        row = await fetch_one(connection, _SQL["page"], found, number + 1, number, 1)
    response.status_code = _CREATED if new else _FOUND
    return AdjustmentAnswer(**row)


@router.get("/contacts/{contact:path}/adjustments")
async def list_adjustments(
    caller: Reader, database: Database, contact: Contact, limit: Limit = 50, cursor: Cursor = None
) -> Page[AdjustmentAnswer]:
    """List the adjustments of a contact, in all profiles, newest first."""
    context = ("adjustments", caller.account.id, contact)
    (before,) = cursors.decode(context, cursor) or (cursors.NEWEST,)
    async with database.connection() as connection:
        found, _ = await find_contact(connection, caller.account.id, contact)
        rows = await connection.fetch(_SQL["page"], found, before, None, limit + 1)
    items = [AdjustmentAnswer(**row) for row in rows]
    return cursors.page(items, limit, context, lambda one: [one.id], engagement=caller.account.engagement)
