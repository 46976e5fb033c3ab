"""`jobs`: the background jobs of an account in one list: publishes, rejudgements, purges, backfills.

What one kind alone has is read at its own routes, and so are jobs cancelled.
"""

from __future__ import annotations

import heapq
from datetime import datetime
from operator import itemgetter
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel

from consumer.web.http import cursors
from consumer.web.http.api_route import ApiRoute
from consumer.web.http.auth import Reader
from consumer.web.http.cursors import Cursor, Limit, Page
from consumer.web.http.database import Database
from consumer.web.http.outward_ids import BACKFILL, PUBLISH, PURGE, REJUDGEMENT
from sql import queries

if TYPE_CHECKING:
    import asyncpg

router = APIRouter(prefix="/v1/accounts/{account}", tags=["jobs"], route_class=ApiRoute)

Kind = Literal["publish", "rejudgement", "purge", "backfill"]
# In the order of the statements' parameters.
_IDS = {each.kind: each for each in (PUBLISH, REJUDGEMENT, PURGE, BACKFILL)}
_SQL = queries("job_list")


class JobItem(BaseModel, use_attribute_docstrings=True):
    """A background job."""

    kind: Kind
    """What it does."""
    id: str
    """The id of the job, as the routes of its kind have it."""
    subject: str | None
    """The key of the profile that is published, or of the definition that is rejudged; null: the whole account."""
    state: Literal["building", "announcing", "running", "cancelling", "done", "cancelled", "superseded"]
    """The state, as the routes of its kind have it."""
    requested_by: str
    """Who requested it: `sub` of the token, or the name of a command's user; `retention` for purges."""
    requested_at: datetime
    """When it was requested."""
    ended_at: datetime | None
    """When it ended; null: not yet."""
    done: int
    """Contacts processed in the current state; of a backfill, events."""
    total: int | None
    """How many there are to process; null until they are counted, and for a backfill that reads the topics."""
    failures: int
    """Steps that have failed in a row: it is tried again."""


@router.get("/jobs")
async def list_jobs(
    caller: Reader,
    database: Database,
    *,
    kind: Annotated[Kind | None, Query(description="Only jobs of this kind.")] = None,
    unfinished: Annotated[bool, Query(description="Only jobs that have not ended.")] = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[JobItem]:
    """List the account's publishes, rejudgements, purges and backfills with their progress, newest first."""
    context = ("jobs", caller.account.id, kind, unfinished)
    before = cursors.decode(context, cursor) or [
        cursors.NEWEST if kind in {None, each} else 0 for each in _IDS
    ]
    statement = _SQL["unfinished" if unfinished else "page"]
    async with database.connection() as connection:
        rows = await connection.fetch(statement, caller.account.id, *before, limit + 1)
    newest = _merged(rows)
    shown = newest[:limit]
    # Of a kind that this page has not reached, jobs that begin from now on come before the list, not within it.
    following = dict.fromkeys(_IDS, 0)
    following |= {row["kind"]: row["id"] + 1 for row in reversed(newest[limit:])}
    following |= {row["kind"]: row["id"] for row in shown}
    return Page(
        items=[_item(row) for row in shown],
        next=cursors.encode(context, [*following.values()]) if len(newest) > limit else None,
        engagement=caller.account.engagement,
    )


def _merged(rows: list[asyncpg.Record]) -> list[asyncpg.Record]:
    """Return jobs of all kinds, newest first; those of one kind stay in the order of their numbers."""
    by_kind = [
        sorted((row for row in rows if row["kind"] == kind), key=itemgetter("id"), reverse=True)
        for kind in _IDS
    ]
    return [*heapq.merge(*by_kind, key=itemgetter("requested_at"), reverse=True)]


def _item(row: asyncpg.Record) -> JobItem:
    return JobItem.model_validate({**row, "id": _IDS[row["kind"]].write(row["id"])})
