"""`adjustments`: many adjustments by one request, each answered by itself."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from consumer.scoring import adjustments
from consumer.scoring.adjustments import Added, Adjustment
from consumer.web.api.contacts.adjustments import AdjustmentAnswer, NewAdjustment
from consumer.web.http.api_route import ApiRoute
from consumer.web.http.auth import Manager
from consumer.web.http.database import Database
from consumer.web.http.request_types import Body, ContactId
from sql import queries

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection
    from consumer.scoring.adjustments import Refusal

router = APIRouter(prefix="/v1/accounts/{account}", tags=["contacts"], route_class=ApiRoute)

MOST_ITEMS = 1000
# Of one transaction, which holds the locks of so many contacts for some hundredths of a second.
_TOGETHER = 100


class ContactAdjustment(NewAdjustment):
    """An adjustment of one of many contacts."""

    contact: ContactId
    """The contact's id."""


class BulkAdjustment(Body):
    """Adjustments of any contacts of the account."""

    items: Annotated[list[ContactAdjustment], Field(min_length=1, max_length=MOST_ITEMS)]
    """Each with its contact and its client key."""


class AdjustmentOutcome(BaseModel, use_attribute_docstrings=True):
    """What became of one of the adjustments."""

    contact: str
    """As in the request."""
    client_key: str
    """As in the request."""
    outcome: Literal["created", "repeated", "refused"]
    """`repeated`: the same was sent before, and had no further effect."""
    adjustment: AdjustmentAnswer | None
    """As it is stored; null if it was refused."""
    detail: str | None
    """Why it was refused, for people; null: it was not."""


class BulkAdjustmentAnswer(BaseModel, use_attribute_docstrings=True):
    """What became of each adjustment."""

    items: list[AdjustmentOutcome]
    """In the order of the request."""
    created: int
    """How many were created."""
    repeated: int
    """How many were there already."""
    refused: int
    """How many were refused."""


@router.post("/adjustments")
async def adjust_contacts(caller: Manager, database: Database, body: BulkAdjustment) -> BulkAdjustmentAnswer:
    """Give or take points of many contacts. One that is refused harms no other.

    They are committed a hundred at a time: a request without an answer can be sent again as it was.
    """
    outcomes: list[AdjustmentOutcome] = []
    for start in range(0, len(body.items), _TOGETHER):
        given = body.items[start : start + _TOGETHER]
        made = [
            Adjustment(account=caller.account.key, author=caller.actor, **one.model_dump()) for one in given
        ]
        added = await database.change(partial(adjustments.add_all, adjustments=made))
        async with database.connection() as connection:
            stored = await _read(connection, added)
        outcomes += [_outcome(one, became, stored) for one, became in zip(made, added, strict=True)]
    counted = [one.outcome for one in outcomes]
    return BulkAdjustmentAnswer(
        items=outcomes,
        created=counted.count("created"),
        repeated=counted.count("repeated"),
        refused=counted.count("refused"),
    )


async def _read(connection: Connection, added: list[Added | Refusal]) -> dict[int, AdjustmentAnswer]:
    numbers = [one.number for one in added if isinstance(one, Added)]
    rows = await connection.fetch(queries("adjustments")["by_number"], numbers)
    return {row["id"]: AdjustmentAnswer(**row) for row in rows}


def _outcome(
    given: Adjustment, became: Added | Refusal, stored: dict[int, AdjustmentAnswer]
) -> AdjustmentOutcome:
    if isinstance(became, Added):
        return AdjustmentOutcome(
            contact=given.contact,
            client_key=given.client_key,
            outcome="created" if became.is_new else "repeated",
            # None where a deletion has taken it away since.
            adjustment=stored.get(became.number),
            detail=None,
        )
    return AdjustmentOutcome(
        contact=given.contact,
        client_key=given.client_key,
        outcome="refused",
        adjustment=None,
        detail=str(became),
    )
