"""The contacts before and after one in a list: by its place when the list was read, or by its place now."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from consumer.web.api.contacts import list_filters, list_query
from consumer.web.api.contacts.contact_reads import find_contact, read_listed
from consumer.web.api.contacts.list_filters import EVERY_NUMBER, ContactFilterParams
from consumer.web.api.contacts.profile_view import read_profile_view
from consumer.web.http.api_route import ApiRoute
from consumer.web.http.auth import Reader
from consumer.web.http.cursors import MAX_CURSOR
from consumer.web.http.database import Database

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.infra.postgres.connection import Connection
    from consumer.web.api.contacts.list_filters import ContactQuery, ListPosition

router = APIRouter(prefix="/v1/accounts/{account}", tags=["contacts"], route_class=ApiRoute)


class Neighbour(BaseModel, use_attribute_docstrings=True):
    """A contact beside another one in a list."""

    id: str
    """The contact's id in the upstream system."""
    name: str | None
    """The name of the last `contact.upserted`; null: none."""
    place: str
    """Its place in the list, for its own neighbours."""


class Neighbours(BaseModel, use_attribute_docstrings=True):
    """The contacts before and after one in a list; null at the ends of the list."""

    previous: Neighbour | None
    """The one before it."""
    next: Neighbour | None
    """The one after it."""


@router.get("/contacts/{contact:path}/neighbours")
async def read_neighbours(
    caller: Reader,
    database: Database,
    contact: str,
    filters: ContactFilterParams,
    place: Annotated[
        str | None,
        Query(
            max_length=MAX_CURSOR,
            description="Where the contact was in the list, as the list with `places=true` said; "
            "default: where it is now.",
        ),
    ] = None,
) -> Neighbours:
    """Return the contacts before and after one in a list with these filters.

    After a publish of the profile, older places are answered 410.
    """
    account = caller.account.id
    context = list_query.cursor_context(account, filters)
    async with database.snapshot(heavy=filters.is_heavy) as connection:
        contact_id, _ = await find_contact(connection, account, contact)
        view = await read_profile_view(connection, account, filters.profile)
        query = await list_filters.build_query(connection, account, view, filters)
        at = list_query.position(context, place, view) or await _place_now(connection, query, contact_id)
        if at is None:
            return Neighbours(previous=None, next=None)
        query, candidates = await list_filters.narrowed(connection, query)
        backwards = replace(query, ascending=not query.ascending)
        found = [await _after(connection, each, candidates, at) for each in (backwards, query)]
        rows = await read_listed(connection, account, view, [each[1] for each in found if each])
    shown = iter(rows)
    previous, following = (
        None
        if each is None
        else Neighbour(id=row["id"], name=row["name"], place=list_query.cursor_after(context, view, each))
        for each in found
        for row in [next(shown) if each else {}]
    )
    return Neighbours(previous=previous, next=following)


async def _place_now(connection: Connection, query: ContactQuery, contact_id: int) -> ListPosition | None:
    """Return where a contact is in the order of a list, whether the list has it or not."""
    unfiltered = replace(
        query, sort_range=EVERY_NUMBER, filter_group=None, owner=None, text=None, segment=None
    )
    found = await list_query.page(connection, unfiltered, [contact_id], None, 1)
    return next(iter(found.positions), None)


async def _after(
    connection: Connection, query: ContactQuery, candidates: Sequence[int] | None, at: ListPosition
) -> ListPosition | None:
    """Return the contact that comes next after a place, which may be outside the range of the list."""
    least, most = query.sort_range
    after: ListPosition | None = at
    if query.sort_group is not None and (at[0] < least if query.ascending else at[0] > most):
        after = None
    found = await list_query.page(connection, query, candidates, after, 1)
    return next(iter(found.positions), None)
