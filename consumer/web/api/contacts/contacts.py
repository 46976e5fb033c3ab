"""`contacts`: by score, overall or in a group, and one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter

from consumer.web.api.contacts import list_query
from consumer.web.api.contacts.list_query import Asked
from consumer.web.api.contacts.profile_view import view
from consumer.web.api.contacts.schemas import ContactAnswer, ContactScores, about, scores_of
from consumer.web.api.contacts.score_parts import weights
from consumer.web.http import csv_response
from consumer.web.http.auth import Reader
from consumer.web.http.csv_response import CsvAnswer
from consumer.web.http.cursors import Cursor, Limit, Page
from consumer.web.http.database import Database

if TYPE_CHECKING:
    from consumer.web.http.auth import Caller
    from consumer.web.http.csv_response import Chunks

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
    context = list_query.context(caller.account.id, asked)
    async with database.snapshot() as connection:
        shown = await view(connection, caller.account.id, asked.profile)
        wanted = await list_query.select(connection, caller.account.id, shown, asked)
        after = list_query.position(context, cursor, shown)
        among = await list_query.few(connection, caller.account.id, wanted)
        found = await list_query.page(connection, wanted, among, after, limit + 1)
        items = await scores_of(connection, shown, [number for _, number in found[:limit]])
    more = len(found) > limit
    return ContactPage(
        items=items,
        next=list_query.cursor_after(context, shown, found[limit - 1]) if more else None,
        engagement=caller.account.engagement,
        profile=shown.profile,
        version=shown.version,
    )


@router.get("/contacts.csv", response_class=CsvAnswer)
async def export_contacts(caller: Reader, database: Database, asked: Asked) -> CsvAnswer:
    """Send the whole list as a CSV file, as of the moment it is begun."""
    return await csv_response.made_of(_chunks(caller, database, asked), f"{caller.account.key}-contacts")


async def _chunks(caller: Caller, database: Database, asked: Asked) -> Chunks:
    account = caller.account.id
    async with database.export() as connection:
        shown = await view(connection, account, asked.profile)
        wanted = await list_query.select(connection, account, shown, asked)
        among = await list_query.few(connection, account, wanted)
        counting = {each.group for each in (await weights(connection, account, shown)).values()}
        groups = [group.key for group in shown.groups if not group.deleted or group.key in counting]
        yield [["id", "name", "owner", "overall", *groups]]
        after: list_query.Position | None = None
        while found := await list_query.page(connection, wanted, among, after, _CHUNK, hurried=False):
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
