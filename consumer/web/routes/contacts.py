"""`contacts`: by score, overall or in a group, and one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter

from consumer.web import contact_list, csv_answers
from consumer.web.auth import Reader
from consumer.web.contact_list import Asked
from consumer.web.contact_models import ContactAnswer, ContactScores, about, scores_of
from consumer.web.csv_answers import CsvAnswer
from consumer.web.database import Database
from consumer.web.paging import Cursor, Limit, Page
from consumer.web.views import view
from consumer.web.worth import weights

if TYPE_CHECKING:
    from consumer.web.auth import Caller
    from consumer.web.csv_answers import Chunks

# Contacts read at once for a file.
_CHUNK = 1000

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
        wanted = await contact_list.select(connection, caller.account.id, shown, asked)
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


@router.get("/contacts.csv", response_class=CsvAnswer)
async def export_contacts(caller: Reader, database: Database, asked: Asked) -> CsvAnswer:
    """Send the whole list as a CSV file, as of the moment it is begun."""
    return await csv_answers.made_of(_chunks(caller, database, asked), f"{caller.account.key}-contacts")


async def _chunks(caller: Caller, database: Database, asked: Asked) -> Chunks:
    account = caller.account.id
    async with database.export() as connection:
        shown = await view(connection, account, asked.profile)
        wanted = await contact_list.select(connection, account, shown, asked)
        among = await contact_list.few(connection, account, wanted)
        counting = {each.group for each in (await weights(connection, account, shown)).values()}
        groups = [group.key for group in shown.groups if not group.deleted or group.key in counting]
        yield [["id", "name", "owner", "overall", *groups]]
        after: contact_list.Position | None = None
        while found := await contact_list.page(connection, wanted, among, after, _CHUNK, hurried=False):
            after = found[-1]
            yield [
                [each.id, each.name, each.owner, each.overall, *(each.groups.get(key, 0) for key in groups)]
                for each in await scores_of(connection, shown, [number for _, number in found])
            ]


@router.get("/contacts/{contact:path}")
async def read_contact(caller: Reader, database: Database, contact: str) -> ContactAnswer:
    """Return a contact with its scores under every published profile."""
    async with database.snapshot() as connection:
        return await about(connection, caller.account.id, contact)
