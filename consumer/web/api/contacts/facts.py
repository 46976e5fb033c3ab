"""`contacts/{contact}/ids`, `…/xp`, `…/kept`: ids that mean a contact, what reps earned, how much is kept."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel

from consumer.infra.postgres.connection import fetch_one
from consumer.scoring.identity import requests
from consumer.web.api.contacts.contact_reads import find_contact
from consumer.web.api.contacts.identity import JoinAnswer
from consumer.web.http import cursors
from consumer.web.http.api_route import ApiRoute
from consumer.web.http.auth import Operator, Reader
from consumer.web.http.cursors import Cursor, Limit, Page
from consumer.web.http.database import Database
from sql import queries

if TYPE_CHECKING:
    import asyncpg

router = APIRouter(prefix="/v1/accounts/{account}", tags=["contacts"], route_class=ApiRoute)

_SQL = queries("contact_facts")
# Actors that are named.
_MOST_ACTORS = 100

Contact = Annotated[str, Path(description="The contact's id in the upstream system.")]


class JoinedId(BaseModel, use_attribute_docstrings=True):
    """An id that was joined to a contact."""

    id: str
    """The id."""
    join: JoinAnswer | None
    """Its newest join, which leads to the contact, or to another id of it; null: it is a deleted one."""


class IdsPage(Page[JoinedId], use_attribute_docstrings=True):
    """One page of the ids that were joined to a contact."""

    id: str
    """The contact's own id."""


class ActorXp(BaseModel, use_attribute_docstrings=True):
    """What an actor has earned by a contact."""

    actor: str
    """The actor, by id."""
    xp: int
    """Experience points."""
    events: int
    """How many events gave some."""
    last_at: datetime
    """When the last of them happened."""


class XpAnswer(BaseModel, use_attribute_docstrings=True):
    """The experience points that actors have earned by the events of a contact."""

    id: str
    """The contact's id; of a joined one, the survivor's."""
    items: list[ActorXp]
    """By actor, those with the most points first, 100 at most."""


class KeptAnswer(BaseModel, use_attribute_docstrings=True):
    """How much is kept of a contact: what an export has and a deletion takes."""

    id: str
    """The contact's id; of a joined one, the survivor's."""
    kept: dict[str, int]
    """Numbers of rows by kind, as a deletion's report has them. Dead letters, samples and the audit trail, where an
    id may stand too, are searched by the deletion only."""
    not_reached: list[str]
    """Where the person's data may still be, since it is not this service that keeps it."""


@router.get("/contacts/{contact:path}/ids")
async def list_ids(
    caller: Reader, database: Database, contact: Contact, limit: Limit = 50, cursor: Cursor = None
) -> IdsPage:
    """List the ids that were joined to a contact, those that were seen last first."""
    context = ("ids", caller.account.id, contact)
    (before,) = cursors.decode(context, cursor) or (cursors.NEWEST,)
    async with database.connection() as connection:
        number, external_id = await find_contact(connection, caller.account.id, contact)
        rows = await connection.fetch(_SQL["ids"], caller.account.id, number, before, limit + 1)
    shown = cursors.page(
        list(rows), limit, context, lambda row: [row["number"]], engagement=caller.account.engagement
    )
    return IdsPage(
        id=external_id,
        items=[JoinedId(id=row["id"], join=_join(row)) for row in shown.items],
        next=shown.next,
        engagement=shown.engagement,
    )


@router.get("/contacts/{contact:path}/xp")
async def read_xp(caller: Reader, database: Database, contact: Contact) -> XpAnswer:
    """Return the experience points that reps and other actors have earned by the events of a contact."""
    async with database.connection() as connection:
        number, external_id = await find_contact(connection, caller.account.id, contact)
        rows = await connection.fetch(_SQL["xp"], caller.account.id, number, _MOST_ACTORS)
    return XpAnswer(id=external_id, items=[ActorXp(**row) for row in rows])


@router.get("/contacts/{contact:path}/kept")
async def read_kept(caller: Operator, database: Database, contact: Contact) -> KeptAnswer:
    """Return how much is kept of a contact under all its ids: look before a deletion."""
    async with database.snapshot() as connection:
        number, external_id = await find_contact(connection, caller.account.id, contact)
        row = await fetch_one(connection, _SQL["kept"], caller.account.id, number)
    return KeptAnswer(id=external_id, kept=dict(row), not_reached=list(requests.NOT_REACHED))


def _join(row: asyncpg.Record) -> JoinAnswer | None:
    if row["event_key"] is None:
        return None
    return JoinAnswer(
        id=row["event_key"].hex(),
        into=row["into_id"],
        origin=row["origin"],
        occurred_at=row["occurred_at"],
        requested_by=row["requested_by"],
        carried_out=row["is_carried_out"],
    )
