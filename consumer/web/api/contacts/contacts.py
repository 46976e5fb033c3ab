"""`contacts`: lists by score or last event, as pages or as a CSV file, and single contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query

from consumer.web.api.contacts import list_filters, list_query, list_totals
from consumer.web.api.contacts.contact_reads import read_contact_answer, read_listed
from consumer.web.api.contacts.list_filters import ContactFilterParams
from consumer.web.api.contacts.list_totals import ListTotal  # noqa: TC001 - pydantic reads annotations at run time
from consumer.web.api.contacts.profile_view import read_profile_view
from consumer.web.api.contacts.schemas import ContactAnswer, ListedContact
from consumer.web.api.contacts.score_parts import read_weighted_view
from consumer.web.api.contacts.shown_scores import OVERALL
from consumer.web.http import csv_response
from consumer.web.http.api_route import ApiRoute
from consumer.web.http.auth import Reader
from consumer.web.http.csv_response import CsvResponse, id_cell
from consumer.web.http.cursors import MAX_CURSOR, Cursor, Limit, Page
from consumer.web.http.database import Database
from consumer.web.http.json_response import JsonResponse

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from consumer.web.api.contacts.list_filters import ListPosition
    from consumer.web.http.auth import Caller
    from consumer.web.http.csv_response import Cell, Chunks

# Contacts read by one statement for a file. The process writes them out without a break, which takes milliseconds.
_CHUNK = 250

router = APIRouter(prefix="/v1/accounts/{account}", tags=["contacts"], route_class=ApiRoute)


# Of a file; then one for each group.
_COLUMNS = (
    *("id", "name", "owner", "email", "tags", "first_seen_at", "last_event_at"),
    "overall",
)
_CHANGE_COLUMNS = ("change_7_days", "change_30_days")
# After the points that have bands. Keys of groups have no dot.
_BAND = "{}.band"

WithChange = Annotated[bool, Query(description="Return how the scores have changed in the last days too.")]


class ContactPage(Page[ListedContact], use_attribute_docstrings=True):
    """One page of contacts, with the profile and version of their scores."""

    profile: str
    """The key of the profile of the scores."""
    version: int
    """The version that readers see."""
    apart: list[str]
    """The keys of the groups that are no part of overall."""
    previous: str | None
    """`before` of the page before this one; null on the first one."""
    total: ListTotal | None
    """Null without `total=true`."""


@router.get("/contacts", response_model=ContactPage)
async def list_contacts(
    caller: Reader,
    database: Database,
    filters: ContactFilterParams,
    limit: Limit = 50,
    cursor: Cursor = None,
    *,
    before: Annotated[
        str | None,
        Query(
            max_length=MAX_CURSOR,
            description="`previous` of the page after the one that is wanted, or the place of a contact; in the "
            "place of `cursor`.",
        ),
    ] = None,
    change: WithChange = False,
    trend: Annotated[
        bool, Query(description="Return what the scores were on each of the last 7 days too.")
    ] = False,
    places: Annotated[
        bool, Query(description="Return the place of each contact too, for `neighbours`.")
    ] = False,
    total: Annotated[bool, Query(description="Count the contacts of the whole list too.")] = False,
) -> JsonResponse:
    """List contacts by score or last event. A contact whose place stays the same during paging appears once.

    With `before`, the page ends with the contact before that place.

    After a publish of the profile, older cursors are answered 410.
    """
    account = caller.account.id
    context = list_query.cursor_context(account, filters)
    async with database.snapshot(heavy=filters.is_heavy or total) as connection:
        view = await read_profile_view(connection, account, filters.profile)
        query = await list_filters.build_query(connection, account, view, filters)
        after = list_query.position(context, before or cursor, view)
        query, candidates = await list_filters.narrowed(connection, query)
        if before:
            found = await list_query.page_before(connection, query, candidates, after, limit)
        else:
            found = await list_query.page(connection, query, candidates, after, limit)
        contact_ids = [contact_id for _, contact_id in found.positions]
        items = await read_listed(
            connection, account, view, contact_ids, with_change=change, with_trend=trend
        )
        counted = await list_totals.total(connection, query, candidates, len(items)) if total else None
    for item, each in zip(items, found.positions, strict=True):
        item["place"] = list_query.cursor_after(context, view, each) if places else None
    return JsonResponse(
        {
            "items": items,
            "next": None if found.next is None else list_query.cursor_after(context, view, found.next),
            "engagement": caller.account.engagement,
            "profile": view.profile,
            "version": view.version,
            "apart": view.apart,
            "previous": found.previous and list_query.cursor_after(context, view, found.previous),
            "total": counted and counted.model_dump(),
        }
    )


@router.get("/contacts.csv", response_class=CsvResponse)
async def export_contacts(
    caller: Reader,
    database: Database,
    filters: ContactFilterParams,
    *,
    change: WithChange = False,
    reader: csv_response.For = None,
) -> CsvResponse:
    """Return the whole list as a CSV file, read from one snapshot."""
    chunks = _chunks(caller, database, filters, with_change=change)
    return await csv_response.stream_csv(chunks, f"{caller.account.key}-contacts", reader=reader)


async def _chunks(
    caller: Caller, database: Database, filters: ContactFilterParams, *, with_change: bool
) -> Chunks:
    account = caller.account.id
    async with database.export() as connection:
        view, weighted = await read_weighted_view(connection, account, filters.profile)
        query = await list_filters.build_query(connection, account, view, filters)
        query, candidates = await list_filters.narrowed(connection, query)
        counting = {each.group for each in weighted.values()}
        groups = [group for group in view.groups if not group.deleted or group.key in counting]
        banded = {group.key for group in groups if view.frame(group.id).bands}
        named = [name for group in groups for name in _group_columns(group.key, banded)]
        of_overall = [_BAND.format("overall")] if view.frame(OVERALL).bands else []
        yield [[*_COLUMNS, *of_overall, *(_CHANGE_COLUMNS if with_change else ()), *named]]
        after: ListPosition | None = None
        while True:
            found = await list_query.page(connection, query, candidates, after, _CHUNK, time_limited=False)
            contact_ids = [contact_id for _, contact_id in found.positions]
            if contact_ids:
                listed = await read_listed(connection, account, view, contact_ids, with_change=with_change)
                yield [_row(each, [group.key for group in groups], banded) for each in listed]
            after = found.next
            if after is None:
                return


def _group_columns(group: str, banded: Collection[str]) -> list[str]:
    return [group, _BAND.format(group)] if group in banded else [group]


def _row(contact: Mapping[str, Any], groups: Sequence[str], banded: Collection[str]) -> list[Cell]:
    change, points, bands = contact["change"], contact["groups"], contact["group_bands"]
    return [
        *(id_cell(contact["id"]), contact["name"], id_cell(contact["owner"]), contact["email"]),
        *("; ".join(contact["tags"]), contact["first_seen_at"], contact["last_event_at"], contact["overall"]),
        *([] if contact["band"] is None else [contact["band"]]),
        *((change["days_7"]["overall"], change["days_30"]["overall"]) if change else ()),
        *(
            cell
            for key in groups
            for cell in ((points.get(key, 0), bands.get(key)) if key in banded else (points.get(key, 0),))
        ),
    ]


@router.get("/contacts/{contact:path}")
async def read_contact(caller: Reader, database: Database, contact: str) -> ContactAnswer:
    """Return a contact with its scores under every published profile."""
    async with database.snapshot() as connection:
        return await read_contact_answer(connection, caller.account.id, contact)
