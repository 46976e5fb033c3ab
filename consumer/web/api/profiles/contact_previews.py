"""`preview/contacts`: what publishing a profile's draft would make of some contacts, at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from consumer.scoring.profile_publish.preview_contacts import preview_contacts as read_effects
from consumer.web.api.profiles.previews import MoverReason, mover_reason
from consumer.web.api.profiles.schemas import profile_revision
from consumer.web.http import etags
from consumer.web.http.api_route import ApiRoute
from consumer.web.http.auth import Manager
from consumer.web.http.database import Database
from consumer.web.http.request_types import Body, ContactId

if TYPE_CHECKING:
    from consumer.scoring.profile_publish.preview_contacts import ContactEffect, ShownScore

router = APIRouter(prefix="/v1/accounts/{account}", tags=["profiles"], route_class=ApiRoute)

_MOST_CONTACTS = 20


class ContactsToPreview(Body):
    """Contacts whose scores before and after a publish are compared."""

    contacts: Annotated[list[ContactId], Field(min_length=1, max_length=_MOST_CONTACTS)]
    """Ids of contacts."""


class PreviewedScore(BaseModel, use_attribute_docstrings=True):
    """A score as readers see it, or would."""

    overall: int
    """The overall score."""
    band: str | None
    """Its band; null: overall has no bands."""
    groups: dict[str, int]
    """Points by group key, of the groups that have any."""
    group_bands: dict[str, str]
    """The bands of the groups that have bands, by group key."""


class PreviewedContact(BaseModel, use_attribute_docstrings=True):
    """A contact before and after a publish."""

    asked: str
    """The id of the request."""
    contact: str | None
    """The contact's id, of a joined one the survivor's; null: it was never seen."""
    name: str | None
    """Its name; null: none is known."""
    before: PreviewedScore | None
    """What readers see now; null: nothing is published."""
    after: PreviewedScore
    """What readers would see."""
    reasons: list[MoverReason]
    """The definitions that have counted for it and whose points or group change."""


class ContactPreview(BaseModel, use_attribute_docstrings=True):
    """What a publish would make of contacts."""

    revision: str
    """The revision of the profile that this is about, as in `ETag`."""
    version: int | None
    """The version that readers see now; null: none."""
    items: list[PreviewedContact]
    """The contacts, in the order of the request."""


@router.post("/profiles/{profile}/preview/contacts")
async def preview_contacts(
    caller: Manager, database: Database, profile: str, body: ContactsToPreview, response: Response
) -> ContactPreview:
    """Preview what publishing a profile's draft would make of up to 20 contacts; nothing is written."""
    async with database.snapshot() as connection:
        catalog, effects = await read_effects(connection, caller.account.key, profile, body.contacts)
    current = catalog.profiles[profile]
    revision = profile_revision(current, catalog)
    etags.set_etag(response, revision)
    return ContactPreview(
        revision=revision,
        version=current.version.number if current.version else None,
        items=[*map(_item, effects)],
    )


def _item(effect: ContactEffect) -> PreviewedContact:
    return PreviewedContact(
        asked=effect.asked,
        contact=effect.contact,
        name=effect.name,
        before=_score(effect.before) if effect.before and effect.contact is not None else None,
        after=_score(effect.after),
        reasons=[*map(mover_reason, effect.reasons)],
    )


def _score(score: ShownScore) -> PreviewedScore:
    return PreviewedScore(
        overall=score.overall,
        band=score.bands.get(None),
        groups=score.groups,
        group_bands={key: band for key, band in score.bands.items() if key is not None},
    )
