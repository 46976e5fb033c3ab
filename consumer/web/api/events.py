"""`events`: score changes and the progress of jobs, as they happen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Header, Query
from starlette.requests import Request

from consumer.infra.clock import SystemClock
from consumer.web.api.contacts.contact_reads import survivors_of
from consumer.web.http.api_route import ApiRoute
from consumer.web.http.auth import Reader
from consumer.web.http.cursors import MAX_ITEMS
from consumer.web.http.database import Database
from consumer.web.http.event_stream import MEDIA_TYPE, EventStream
from consumer.web.http.problems import Code, ProblemError
from consumer.web.http.request_types import ContactId
from consumer.web.live.audience import TooManyListenersError
from consumer.web.live.feed import LiveEvents
from consumer.web.live.listener import Listener

if TYPE_CHECKING:
    from consumer.web.http.auth import Claims

router = APIRouter(prefix="/v1/accounts/{account}", tags=["events"], route_class=ApiRoute)

# Seconds.
_RETRY_AFTER = "30"


async def _live_events(request: Request) -> LiveEvents:
    live: LiveEvents = request.app.state.live
    return live


_EXAMPLE = """retry: 3000

id: 4mW3…
event: ready
data: {"resumed":false}

id: 9fQx…
event: score_changed
data: {"specversion":"1.0","type":"engagement.score.changed","subject":"ann", …}
"""
# Of each event; `data` is JSON in one line.
_EVENT = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "description": "To resume after this event; opaque."},
        "event": {"enum": ["ready", "score_changed", "contact_removed", "job", "reset", "end"]},
        "data": {"type": "string", "description": "JSON; for a score change, the CloudEvent."},
        "retry": {"type": "integer", "description": "Milliseconds after which to connect again."},
    },
}


@router.get(
    "/events",
    status_code=200,
    response_class=EventStream,
    responses={
        200: {
            "description": "Server-sent events, until the client leaves or its token expires.",
            "content": {MEDIA_TYPE: {"schema": _EVENT, "example": _EXAMPLE}},
        }
    },
)
async def stream_events(
    caller: Reader,
    database: Database,
    live: Annotated[LiveEvents, Depends(_live_events)],
    request: Request,
    *,
    contact: Annotated[
        list[ContactId] | None,
        Query(
            max_length=MAX_ITEMS, description="Only score changes of these contacts; may be given 200 times."
        ),
    ] = None,
    last_event_id: Annotated[
        str | None,
        Header(description="`id` of the last event that the client has: the stream continues after it."),
    ] = None,
) -> EventStream:
    """Stream score changes, removals of contacts and the progress of jobs, as server-sent events."""
    contacts = None
    if contact:
        async with database.connection() as connection:
            contacts = frozenset({*contact, *await survivors_of(connection, caller.account.id, contact)})
    claims: Claims = request.state.claims
    listener = Listener(caller.account.key, contacts, last_event_id)
    try:
        live.listen(listener)
    except TooManyListenersError as error:
        raise ProblemError(Code.TOO_MANY, str(error), headers={"Retry-After": _RETRY_AFTER}) from None
    return EventStream(
        listener,
        expires_at=claims.expires_at.timestamp(),
        clock=SystemClock(),
        ended=lambda: live.leave(listener),
    )
