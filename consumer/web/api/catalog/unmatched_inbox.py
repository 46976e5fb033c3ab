"""`inbox`: event types that no definition takes, and creating a definition from one."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from consumer.catalog import repository
from consumer.catalog.repository import Scope
from consumer.web.api.catalog.definitions import tagged_answer
from consumer.web.api.catalog.edit import Limits, edit, with_entry
from consumer.web.api.catalog.schemas import DefinitionAnswer, DefinitionChange, plain
from consumer.web.http import cursors
from consumer.web.http.api_route import ApiRoute
from consumer.web.http.auth import Manager
from consumer.web.http.cursors import Cursor, Limit, Page
from consumer.web.http.database import Database
from consumer.web.http.problems import body_fault, conflict, invalid, not_found
from consumer.web.http.request_types import Key, Text  # noqa: TC001 - pydantic reads annotations at run time
from consumer.web.http.timestamps import Instant
from schemas.exact_json import parse_data
from sql import queries

if TYPE_CHECKING:
    from consumer.catalog.model.account import AccountCatalog

router = APIRouter(prefix="/v1/accounts/{account}", tags=["inbox"], route_class=ApiRoute)

_MAX_KEY = 64


class InboxEntry(BaseModel, use_attribute_docstrings=True):
    """An event type that no definition took, counted since it was first seen; approximate after a crash."""

    type: str
    """The event type; empty for all types together that came after the first 1,000."""
    count: int
    """How many events there were."""
    first_seen_at: datetime
    """When the first one came."""
    last_seen_at: datetime
    """When the last one came."""
    sample: dict[str, Any]
    """An event of the type, as a CloudEvent; empty from when it was taken away until the next event of the type."""
    definitions: list[str]
    """Active definitions that name the type, but do not take all of its events."""


class FromInbox(DefinitionChange):
    """The type to create a definition from, and fields that differ from the defaults.

    Defaults: key and name derived from the type, the first group, icon `bolt`, 0 points, every event counts.
    """

    type: Text
    """The event type, as in the inbox."""
    key: Key = Field(default_factory=str)
    """The key of the definition; omitted: derived from the type."""


class TopicsToRead(BaseModel, use_attribute_docstrings=True):
    """Which records to read again: from when on, and of which types."""

    since: Instant
    """From the first record dated at or after this time."""
    types: list[str]
    """Only events of these types."""


class OfferedBackfill(BaseModel, use_attribute_docstrings=True):
    """The body of a backfill, for `POST backfills`, that lets a definition count what has come already."""

    from_topics: TopicsToRead
    """What of the input topics to read again."""


class DefinedFromInbox(DefinitionAnswer, use_attribute_docstrings=True):
    """A definition, and how to let it count what has come already."""

    backfill: OfferedBackfill
    """Send it to `backfills`; nothing is read again otherwise."""


@router.get("/inbox")
async def list_inbox(
    caller: Manager, database: Database, limit: Limit = 50, cursor: Cursor = None
) -> Page[InboxEntry]:
    """List the event types that no definition takes, the most frequent first."""
    context = ("inbox", caller.account.id)
    count, after = cursors.decode(context, cursor) or (None, "")
    async with database.snapshot() as connection:
        rows = await connection.fetch(queries("inbox")["page"], caller.account.id, count, after, limit + 1)
        naming = await connection.fetch(
            queries("catalog_reads")["definitions_naming"],
            caller.account.id,
            [row["type"] for row in rows],
        )
    entries = [
        InboxEntry(
            **{**row, "sample": plain(parse_data(row["sample"]))},
            definitions=[each["key"] for each in naming if row["type"] in each["events"]],
        )
        for row in rows
    ]
    return cursors.page(
        entries,
        limit,
        context,
        lambda entry: [entry.count, entry.type],
        engagement=caller.account.engagement,
    )


@router.post("/inbox/definition", status_code=201)
async def define(
    caller: Manager, database: Database, limits: Limits, body: FromInbox, response: Response
) -> DefinedFromInbox:
    """Create a definition from a type in the inbox.

    The type is no longer listed once an active definition without conditions takes it. The definition counts what
    comes from now on; `backfill` is what to send to `backfills` so that it counts what has come already.
    """
    provided = body.provided()
    async with database.connection() as connection:
        known = await connection.fetchrow(queries("inbox")["sample"], caller.account.id, body.type)
        used = await repository.definition_keys(connection, caller.account.id)
    if known is None:
        raise not_found(f"type {body.type} in the inbox")
    key = provided.get("key") or _unused_key(body.type, used)

    def make(before: AccountCatalog) -> AccountCatalog:
        if key in before.definitions:
            raise conflict(f"definition {key} already exists")
        values = {**defaults(body.type, before), **provided, "key": key}
        if body.type not in values["events"]:
            raise invalid(body_fault("events", f"must include {body.type}"))
        if "group" not in values:
            raise conflict("the account has no group: create one first")
        del values["type"]
        return with_entry(before, "definitions", key, values, limits)

    scope = Scope(definitions=[key])
    state = await edit(database, caller.account.key, caller.actor, make, scope=scope)
    made = tagged_answer(state, key, response)
    topics = TopicsToRead(since=known["first_seen_at"], types=[body.type])
    return DefinedFromInbox(**made.model_dump(), backfill=OfferedBackfill(from_topics=topics))


def defaults(event_type: str, state: AccountCatalog) -> dict[str, Any]:
    """Return the fields of a definition that takes this type and says nothing else."""
    name = " ".join(re.findall(r"[^\W_]+", event_type)) or event_type
    group = {"group": next(iter(state.groups))} if state.groups else {}
    return {
        "name": name[0].upper() + name[1:],
        "icon": "bolt",
        "default_points": 0,
        "events": [event_type],
        **group,
    }


def _unused_key(event_type: str, used: list[str]) -> str:
    """Return an unused key derived from a type: its letters and digits, with a number if that key is taken."""
    slug = re.sub(r"[^a-z0-9]+", "_", event_type.lower()).strip("_") or "event"
    base = (slug if slug[0].isalpha() else f"event_{slug}")[: _MAX_KEY - 4].rstrip("_")
    taken = frozenset(used)
    numbered = (f"{base}_{number}" for number in range(2, len(used) + 3))
    return next(key for key in (base, *numbered) if key not in taken)
