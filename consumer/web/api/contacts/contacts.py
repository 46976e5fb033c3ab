"""`contacts`: lists by score, as pages or as a CSV file, and single contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter

from consumer.web.api.contacts import list_query
from consumer.web.api.contacts.contact_reads import read_contact_answer, read_scores
from consumer.web.api.contacts.list_query import ContactFilterParams
from consumer.web.api.contacts.profile_view import read_profile_view
from consumer.web.api.contacts.schemas import ContactAnswer, ContactScores
from consumer.web.api.contacts.score_parts import read_weighted_definitions
from consumer.web.http import csv_response
from consumer.web.http.auth import Reader
from consumer.web.http.csv_response import CsvResponse
from consumer.web.http.cursors import Cursor, Limit, Page
from consumer.web.http.database import Database

if TYPE_CHECKING:
    from consumer.web.http.auth import Caller
    from consumer.web.http.csv_response import Chunks

# Contacts read by one statement for a file.
_CHUNK = 1000

router = APIRouter(prefix="/v1/accounts/{account}", tags=["contacts"])


class ContactPage(Page[ContactScores]):
    """One page of contacts, with the profile and version of their scores."""

    profile: str
    version: int


@router.get("/contacts")
async def list_contacts(
    caller: Reader, database: Database, filters: ContactFilterParams, limit: Limit = 50, cursor: Cursor = None
) -> ContactPage:
    """List contacts by score. A contact whose score does not change during paging appears exactly once.

    After a publish of the profile, older cursors are answered 410.
    """
    context = list_query.cursor_context(caller.account.id, filters)
    async with database.snapshot() as connection:
        view = await read_profile_view(connection, caller.account.id, filters.profile)
        query = await list_query.build_query(connection, caller.account.id, view, filters)
        after = list_query.position(context, cursor, view)
        candidates = await list_query.small_candidate_set(connection, caller.account.id, query)
        positions = await list_query.page(connection, query, candidates, after, limit + 1)
        items = await read_scores(connection, view, [contact_id for _, contact_id in positions[:limit]])
    more = len(positions) > limit
    return ContactPage(
        items=items,
        next=list_query.cursor_after(context, view, positions[limit - 1]) if more else None,
        engagement=caller.account.engagement,
        profile=view.profile,
        version=view.version,
    )


@router.get("/contacts.csv", response_class=CsvResponse)
async def export_contacts(caller: Reader, database: Database, filters: ContactFilterParams) -> CsvResponse:
    """Return the whole list as a CSV file, read from one snapshot."""
    return await csv_response.stream_csv(_chunks(caller, database, filters), f"{caller.account.key}-contacts")


async def _chunks(caller: Caller, database: Database, filters: ContactFilterParams) -> Chunks:
    account = caller.account.id
    async with database.export() as connection:
        view = await read_profile_view(connection, account, filters.profile)
        query = await list_query.build_query(connection, account, view, filters)
        candidates = await list_query.small_candidate_set(connection, account, query)
        counting = {
            each.group for each in (await read_weighted_definitions(connection, account, view)).values()
        }
        groups = [group.key for group in view.groups if not group.deleted or group.key in counting]
        yield [["id", "name", "owner", "overall", *groups]]
        after: list_query.ListPosition | None = None
        while positions := await list_query.page(
            connection, query, candidates, after, _CHUNK, time_limited=False
        ):
            after = positions[-1]
            yield [
                [each.id, each.name, each.owner, each.overall, *(each.groups.get(key, 0) for key in groups)]
                for each in await read_scores(connection, view, [contact_id for _, contact_id in positions])
            ]


@router.get("/contacts/{contact:path}")
async def read_contact(caller: Reader, database: Database, contact: str) -> ContactAnswer:
    """Return a contact with its scores under every published profile."""
    async with database.snapshot() as connection:
        return await read_contact_answer(connection, caller.account.id, contact)
