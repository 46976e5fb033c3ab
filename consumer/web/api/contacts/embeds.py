"""`embeds`: signed addresses by which a host product shows contacts in its own pages (docs/console.md)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field, StrictInt

from consumer.web.http import seal
from consumer.web.http.api_route import ApiRoute
from consumer.web.http.auth import Reader
from consumer.web.http.cursors import MAX_ITEMS
from consumer.web.http.embed_addresses import Embed, EmbedKind, address_of
from consumer.web.http.request_types import Body, ContactId, Key

router = APIRouter(prefix="/v1/accounts/{account}", tags=["contacts"], route_class=ApiRoute)

_SHORTEST, _USUAL, _LONGEST = 60, 3600, 8 * 3600


class EmbedRequest(Body):
    """The contacts to show."""

    contacts: Annotated[list[ContactId], Field(min_length=1, max_length=MAX_ITEMS)]
    """Ids of contacts; one that was never seen has an address too, and is shown once it is."""
    profile: Key | None = None
    """The profile, by key; null: the primary one."""
    seconds: Annotated[StrictInt, Field(ge=_SHORTEST, le=_LONGEST)] = _USUAL
    """How long the addresses are good."""


class EmbeddedContact(BaseModel, use_attribute_docstrings=True):
    """The addresses of one contact, below that of the service. Who has one sees what it shows."""

    contact: str
    """The id as in the request."""
    panel: str
    """Of the panel, for a frame: scores, why, and what happened last."""
    badge: str
    """Of the badge, an image of 40 pixels' height: score and band."""


class EmbedsAnswer(BaseModel, use_attribute_docstrings=True):
    """Signed addresses of contacts."""

    expires_at: datetime
    """Until when they are good."""
    items: list[EmbeddedContact]
    """For each contact, in the order of the request."""


@router.post("/embeds")
async def make_embeds(caller: Reader, body: EmbedRequest) -> EmbedsAnswer:
    """Return signed addresses of up to 200 contacts, for pages of the host product. Stores nothing."""
    expires_at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=body.seconds)

    def address(kind: EmbedKind, contact: str) -> str:
        embed = Embed(
            kind, caller.account.key, contact, body.profile, caller.actor, int(expires_at.timestamp())
        )
        return address_of(seal.current(), embed)

    return EmbedsAnswer(
        expires_at=expires_at,
        items=[
            EmbeddedContact(
                contact=contact,
                panel=address(EmbedKind.PANEL, contact),
                badge=address(EmbedKind.BADGE, contact),
            )
            for contact in body.contacts
        ],
    )
