"""`tracker-tokens/{token}/links`: signed links for e-mails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter

from consumer.domain.tracker_keys import hash_of
from consumer.domain.tracker_links import CLICKED, LONGEST_QUERY, OPENED, Link, address
from consumer.web.api.tracker_tokens.schemas import Links, LinksOfRecipient, NewLinks, Recipient
from consumer.web.api.tracker_tokens.tokens import TokenId, read_token
from consumer.web.http.api_route import ApiRoute
from consumer.web.http.auth import Manager
from consumer.web.http.database import Database
from consumer.web.http.problems import body_fault, conflict, invalid
from sql import queries

if TYPE_CHECKING:
    import asyncpg

router = APIRouter(prefix="/v1/accounts/{account}", tags=["tracker tokens"], route_class=ApiRoute)


@router.post("/tracker-tokens/{token}/links")
async def make_tracker_links(caller: Manager, database: Database, token: TokenId, body: NewLinks) -> Links:
    """Make signed links for e-mails: a pixel for each recipient, and a link for clicks where it has a `url`.

    They are valid as long as the key. Nothing is stored.
    """
    async with database.connection() as connection:
        stored = await read_token(connection, caller, token)
        secret = await connection.fetchval(
            queries("tracker_tokens")["signing_secret"], token, hash_of(body.key)
        )
    if secret is None:
        raise invalid(body_fault("key", "is no valid key of this token"))
    _require_allowed(stored, body)
    links = [_links(body, secret.encode(), each) for each in body.recipients]
    if faults := [
        body_fault(f"recipients.{place}", f"makes a link of more than {LONGEST_QUERY} characters")
        for place, each in enumerate(links)
        if max(len(each.pixel), len(each.click or "")) > LONGEST_QUERY
    ]:
        raise invalid(*faults)
    return Links(links=links)


def _require_allowed(token: asyncpg.Record, body: NewLinks) -> None:
    """Raise ProblemError (409) if the token may not record what the links are for."""
    names = [OPENED, *([CLICKED] if any(each.url for each in body.recipients) else [])]
    missing = [name for name in names if token["event_names"] and name not in token["event_names"]]
    if missing:
        raise conflict(f"the token may not record {' and '.join(missing)}: add to its event_names first")


def _links(body: NewLinks, secret: bytes, recipient: Recipient) -> LinksOfRecipient:
    pixel = Link(OPENED, recipient.contact, recipient.object)
    click = Link(CLICKED, recipient.contact, recipient.object, recipient.url)
    return LinksOfRecipient(
        contact=recipient.contact,
        object=recipient.object,
        pixel=address(body.base_url, body.key, secret, pixel),
        click=None if recipient.url is None else address(body.base_url, body.key, secret, click),
    )
