"""`contacts`: by score, overall or in a group, and one by one."""

from __future__ import annotations

from fastapi import APIRouter

from consumer.web import contact_list
from consumer.web.auth import Reader
from consumer.web.contact_list import Asked
from consumer.web.contact_models import ContactScores, scores_of
from consumer.web.database import Database
from consumer.web.paging import Cursor, Limit, Page
from consumer.web.views import view

router = APIRouter(prefix="/v1/accounts/{account}", tags=["contacts"])


class ContactPage(Page[ContactScores]):
    """One page of contacts, and under which version of which profile their scores are."""

    profile: str
    version: int


@router.get("/contacts")
async def list_contacts(
    caller: Reader, database: Database, asked: Asked, limit: Limit = 50, cursor: Cursor = None
) -> ContactPage:
    """List contacts by score. One whose score does not change meanwhile is on one page, once.

    A cursor is 410 once the profile was published anew.
    """
    context = contact_list.context(caller.account.id, asked)
    async with database.snapshot() as connection:
        shown = await view(connection, caller.account.id, asked.profile)
        wanted = contact_list.select(shown, asked)
        after = contact_list.position(context, cursor, shown)
        among = await contact_list.few(connection, caller.account.id, wanted)
        found = await contact_list.page(connection, wanted, among, after, limit + 1)
        items = await scores_of(connection, shown, [number for _, number in found[:limit]])
    more = len(found) > limit
    return ContactPage(
        items=items,
        next=contact_list.cursor_after(context, shown, found[limit - 1]) if more else None,
        engagement=caller.account.engagement,
        profile=shown.profile,
        version=shown.version,
    )
