"""`contacts/{contact}/ignored`: why nothing happened: recent events of a contact that reached no timeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel

from consumer.infra.postgres.connection import fetch_one
from consumer.web.http.api_route import ApiRoute
from consumer.web.http.auth import Reader
from consumer.web.http.database import Database
from consumer.web.http.outward_ids import DEAD_LETTER
from consumer.web.http.timestamps import Instant
from schemas.timestamps import rfc3339
from schemas.vocabulary import DeadLetterReason
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from typing import Any

router = APIRouter(prefix="/v1/accounts/{account}", tags=["contacts"], route_class=ApiRoute)

_SQL = queries("ignored_events")
# Of a contact with several ids; each id has 20 at most.
_MOST = 100


class IgnoredItem(BaseModel, use_attribute_docstrings=True):
    """An event that reached no timeline."""

    outcome: Literal["unmatched", "disabled", "expired", "dead"]
    """`unmatched`: no active definition took it. `disabled`: the engagement module was off. `expired`: it was older
    than the account keeps events. `dead`: it was no valid event."""
    text: str
    """The reason, for display."""
    received_at: Instant
    """When it was processed."""
    at: Instant
    """When it occurred; of a dead one, the timestamp of its record."""
    type: str | None
    """Its type; null: it is dead."""
    source: str | None
    """Its source; null: it is dead."""
    id: str | None
    """The event's id; null: it is dead."""
    definitions: list[str]
    """Of an unmatched one: the active definitions that name its type now; their conditions, or their age, kept them
    from taking it."""
    reason: DeadLetterReason | None
    """Of a dead one, the reason."""
    dead_letter: Annotated[int, DEAD_LETTER] | None
    """Of a dead one, its dead letter; null if that was replayed, discarded or forgotten since."""
    came_by: str | None
    """The id that it named, where that was joined to the contact's; null: the contact's own."""


class IgnoredAnswer(BaseModel, use_attribute_docstrings=True):
    """The recent events of a contact that reached no timeline."""

    id: str | None
    """The contact that the id means; null: it was never seen as a contact."""
    items: list[IgnoredItem]
    """Newest first: of each id of the contact the last 20, 100 at most."""
    gone_before: Instant | None
    """Events of this id dated before are ignored, and not listed, since it was deleted; null: it was not."""
    expired_before: Instant | None
    """Events dated before are older than the account keeps them; null: it keeps all."""
    engagement: bool
    """Whether the account's engagement module is on; while it is off, events have no effect."""


@router.get("/contacts/{contact:path}/ignored")
async def list_ignored_events(
    caller: Reader,
    database: Database,
    contact: Annotated[
        str, Path(description="The contact's id in the upstream system; it need not be known.")
    ],
) -> IgnoredAnswer:
    """List the recent events of a contact that reached no timeline, newest first, with the reason of each.

    They are kept for some days, without their data. An id that was never seen has an answer too.
    """
    account = caller.account.id
    async with database.snapshot() as connection:
        about = await fetch_one(connection, _SQL["about"], account, contact)
        rows = await connection.fetch(_SQL["of_contact"], account, contact, _MOST)
        types = sorted({row["type"] for row in rows if row["outcome"] == "unmatched"})
        naming = await connection.fetch(_SQL["naming"], account, types) if types else ()
    own = about["id"] or contact
    definitions = {each: [row["key"] for row in naming if each in row["events"]] for each in types}
    return IgnoredAnswer(
        id=about["id"],
        items=[_item(dict(row), own, definitions, about["horizon"]) for row in rows],
        gone_before=about["deleted_before"],
        expired_before=about["horizon"],
        engagement=caller.account.engagement,
    )


def _item(
    row: Mapping[str, Any], own: str, definitions: Mapping[str, list[str]], horizon: datetime | None
) -> IgnoredItem:
    outcome = row["outcome"]
    named = definitions.get(row["type"], []) if outcome == "unmatched" else []
    return IgnoredItem(
        outcome=outcome,
        text=_text(row, named, horizon),
        received_at=row["received_at"],
        at=row["dated_at"],
        type=row["type"],
        source=row["source"],
        id=row["event_id"],
        definitions=named,
        reason=row["reason"],
        dead_letter=row["dead_letter"],
        came_by=None if row["contact"] == own else row["contact"],
    )


def _text(row: Mapping[str, Any], named: list[str], horizon: datetime | None) -> str:
    match row["outcome"]:
        case "unmatched" if named:
            return (
                f"no definition took it: {', '.join(named)} names {row['type']}, and has conditions that do not "
                "hold, or is newer than the event"
            )
        case "unmatched":
            return f"no definition names {row['type']}"
        case "disabled":
            return "the account's engagement module was off"
        case "expired":
            since = "" if horizon is None else f": the account keeps events from {rfc3339(horizon)} on"
            return f"older than the account keeps events{since}"
        case _:
            return f"no valid event ({row['reason']}): {row['detail']}"
