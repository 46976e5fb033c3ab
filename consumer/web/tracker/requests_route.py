"""`tracker-tokens/{token}/requests`: the last requests with a token, as this process remembers them.

`/v1/tracker-requests` has those whose key no token has, for operators of the service.

The API's application has the route too; where its process serves no tracker, it says so.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from fastapi import APIRouter, Path
from pydantic import BaseModel
from starlette.requests import Request

from consumer.web.http.api_route import ApiRoute
from consumer.web.http.auth import ALL_ACCOUNTS, AnyOperator, Manager
from consumer.web.http.database import Database
from consumer.web.http.problems import conflict, not_found
from consumer.web.tracker.recent_requests import UNKNOWN
from sql import queries

if TYPE_CHECKING:
    from consumer.web.tracker.recent_requests import RecentRequests

router = APIRouter(prefix="/v1/accounts/{account}", tags=["tracker tokens"], route_class=ApiRoute)
beside_accounts = APIRouter(prefix="/v1", tags=["tracker tokens"], route_class=ApiRoute)


class TrackerRequestEvent(BaseModel, use_attribute_docstrings=True):
    """An event of a request."""

    name: str
    """Its name, or the kind of its call."""
    reason: str | None = None
    """Why it was refused; null: it was accepted."""
    field: str | None = None
    """The field at fault, if it is one."""
    detail: str | None = None
    """What is wrong, for display."""


class TrackerRequest(BaseModel, use_attribute_docstrings=True):
    """A request with a key of the token."""

    at: datetime
    """When it came."""
    call: str
    """What was called, like `track`, `batch` or `pixel`."""
    status: int
    """The status of the answer."""
    accepted: int
    """How many of its events were accepted."""
    refused: int
    """How many were refused."""
    reason: str | None
    """Why the request was refused as a whole; null: it was not."""
    field: str | None
    """The field at fault, if it is one."""
    detail: str | None
    """What is wrong, for display."""
    events: list[TrackerRequestEvent]
    """Its events, ten at most, refused ones first."""
    origin: str | None
    """The page's origin, as the browser gave it."""
    address: str | None
    """The network that it came from: of the IP address the first 24 bits, or 48 of IPv6."""
    user_agent: str | None
    """The client, as it named itself."""


class TrackerRequests(BaseModel, use_attribute_docstrings=True):
    """The last requests at this process, a hundred at most."""

    since: datetime
    """Since when this process remembers requests."""
    items: list[TrackerRequest]
    """Newest first."""


@router.get("/tracker-tokens/{token}/requests")
async def list_tracker_requests(
    request: Request,
    caller: Manager,
    database: Database,
    token: Annotated[UUID, Path(description="The token's id.")],
) -> TrackerRequests:
    """List the last requests with a token and what became of each, as far as this process has answered them."""
    async with database.connection() as connection:
        if await connection.fetchval(queries("tracker_tokens")["exists"], caller.account.id, token) is None:
            raise not_found(f"tracker token {token}")
    return _requests_of(request, str(token))


@beside_accounts.get("/tracker-requests")
async def list_unknown_tracker_requests(operator: AnyOperator, request: Request) -> TrackerRequests:
    """List the last requests without a key that a token has, for tokens of all accounts."""
    if operator.account != ALL_ACCOUNTS:
        raise not_found(f"such list for account {operator.account}: requests are shown by tracker token")
    return _requests_of(request, UNKNOWN)


def _requests_of(request: Request, token: str) -> TrackerRequests:
    recent: RecentRequests | None = request.app.state.recent_requests
    if recent is None:
        raise conflict(
            "this process serves no tracker: ask at the tracker's own address (`engagement web --only tracker`)"
        )
    return TrackerRequests.model_validate(
        {"since": recent.since, "items": recent.of(token)}, from_attributes=True
    )
