"""`contacts/{contact}/timeline`: a contact's events with verdicts and points, as pages or as a CSV file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query

from consumer.web.api.contacts import timeline_query
from consumer.web.api.contacts.score_parts import read_scored_contact
from consumer.web.api.contacts.timeline_query import TimelineFilterParams, TimelineItem
from consumer.web.http import csv_response, cursors
from consumer.web.http.api_route import ApiRoute
from consumer.web.http.auth import Reader
from consumer.web.http.csv_response import CsvResponse, id_cell
from consumer.web.http.cursors import Cursor, Limit, Page
from consumer.web.http.database import Database
from consumer.web.http.json_response import JsonResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.web.api.contacts.timeline_query import Item
    from consumer.web.http.auth import Caller
    from consumer.web.http.csv_response import Cell, Chunks

# Items read by one statement for a file.
_CHUNK = 500
_COLUMNS = (
    *("at", "kind", "definition", "name", "group", "verdict", "points", "why", "until"),
    *("type", "source", "event", "object", "actor", "xp", "reason", "author"),
)

router = APIRouter(prefix="/v1/accounts/{account}", tags=["contacts"], route_class=ApiRoute)

WithData = Annotated[
    bool, Query(description="Whether events come with their `data`, where it has at most 16 KiB.")
]


class TimelinePage(Page[TimelineItem], use_attribute_docstrings=True):
    """One page of a timeline, with the profile and version of its points."""

    id: str
    """The contact's id; of a joined one, the survivor's."""
    profile: str
    """The key of the profile of the points."""
    version: int
    """The version that readers see."""


@router.get("/contacts/{contact:path}/timeline", response_model=TimelinePage)
async def read_timeline(
    caller: Reader,
    database: Database,
    contact: str,
    filters: TimelineFilterParams,
    *,
    data: WithData = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> JsonResponse:
    """List a contact's timeline, newest first, with verdicts and points.

    The points of all items, but those of groups apart, add up to the score.

    After a publish of the profile, older cursors are answered 410.
    """
    account = caller.account.id
    async with database.snapshot() as connection:
        scored = await read_scored_contact(connection, account, contact, filters.profile)
        context = ("timeline", account, scored.id, filters)
        before = timeline_query.start_position(filters)
        if position := cursors.decode(context, cursor):
            before = timeline_query.decode_position(scored.view.from_cursor(position))
        query = timeline_query.build_query(scored, filters)
        items = await timeline_query.page(connection, query, before, limit + 1, data=data)
    view = scored.view
    last = view.to_cursor(timeline_query.encode_position(items[limit - 1][0])) if len(items) > limit else None
    return JsonResponse(
        {
            "items": [item for _, item in items[:limit]],
            "next": last and cursors.encode(context, last),
            "engagement": caller.account.engagement,
            "id": scored.external_id,
            "profile": view.profile,
            "version": view.version,
        }
    )


@router.get("/contacts/{contact:path}/timeline.csv", response_class=CsvResponse)
async def export_timeline(
    caller: Reader,
    database: Database,
    contact: str,
    filters: TimelineFilterParams,
    reader: csv_response.For = None,
) -> CsvResponse:
    """Return the whole timeline as a CSV file, read from one snapshot."""
    name = f"{caller.account.key}-{contact}-timeline"
    return await csv_response.stream_csv(_chunks(caller, database, contact, filters), name, reader=reader)


async def _chunks(caller: Caller, database: Database, contact: str, filters: TimelineFilterParams) -> Chunks:
    account = caller.account.id
    async with database.export() as connection:
        scored = await read_scored_contact(connection, account, contact, filters.profile)
        query = timeline_query.build_query(scored, filters)
        yield [_COLUMNS]
        before = timeline_query.start_position(filters)
        while items := await timeline_query.page(connection, query, before, _CHUNK):
            before = items[-1][0]
            yield [_row(item) for _, item in items]


def _row(item: Item) -> list[Cell]:
    why, adjustment = item["why"] or {}, item["adjustment"] or {}
    return [
        *(item["at"], item["kind"], id_cell(item["definition"]), item["name"], id_cell(item["group"])),
        *(item["verdict"], item["points"], why.get("text"), why.get("until")),
        *(_event_cells(item["event"]) if item["event"] else [None] * 6),
        *(adjustment.get("reason"), id_cell(adjustment.get("author"))),
    ]


def _event_cells(event: Mapping[str, Any]) -> list[Cell]:
    return [
        event["type"],
        *(id_cell(event[name]) for name in ("source", "id", "object", "actor")),
        event["xp"],
    ]
