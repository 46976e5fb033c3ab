"""`backfills`: bring history, or read the input topics again under the catalog of now; workers carry it out."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field, StrictBool, model_validator
from starlette.requests import Request
from starlette.responses import Response

from consumer.domain.model import DeadLetter
from consumer.infra.clock import SystemClock
from consumer.ingest.backfill import requests
from consumer.ingest.backfill.dated_event import event_of_line
from consumer.ingest.backfill.from_files import record_of
from consumer.ingest.backfill.sorted_events import SortedEvents
from consumer.web.http import cursors, outward_ids
from consumer.web.http.auth import Manager, Reader
from consumer.web.http.cursors import Cursor, Limit, Page
from consumer.web.http.database import Database
from consumer.web.http.events_body import EventsRoute, raw_events
from consumer.web.http.outward_ids import BACKFILL
from consumer.web.http.problems import FieldFault, body_fault, invalid, not_found
from consumer.web.http.request_types import Body, Text
from consumer.web.http.timestamps import LAST, Instant, InstantParam
from schemas.timestamps import to_microseconds
from schemas.vocabulary import Outcome
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

    from consumer.infra.postgres.connection import Connection

router = APIRouter(prefix="/v1/accounts/{account}", tags=["backfills"], route_class=EventsRoute)

BackfillId = Annotated[int, BACKFILL]
_SQL = queries("backfill")
MOST_EVENTS = 10_000
# More faults of one request are only counted.
_SHOWN_FAULTS = 100
# Types of unmatched events in an answer.
_SHOWN_TYPES = 100


class FromTopics(Body):
    """Read the input topics again."""

    since: InstantParam
    """From the first record dated at or after this time."""
    types: Annotated[list[Text], Field(min_length=1, max_length=100)] = Field(default_factory=list)
    """Only events of these types; omitted: of all."""


class BackfillRequest(Body):
    """Either events, or what of the input topics to read again; exactly one of the two."""

    events: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MOST_EVENTS)] = Field(
        default_factory=list
    )
    """CloudEvents in structured mode, of this account, each with its `time`; in any order."""
    from_topics: FromTopics = Field(default_factory=lambda: FromTopics(since=LAST))
    """What of the input topics to read again."""
    xp: StrictBool = True
    """Whether reps earn XP by these events."""

    @model_validator(mode="after")
    def _one_of_two(self) -> BackfillRequest:
        if len({"events", "from_topics"} & self.model_fields_set) != 1:
            raise ValueError("needs either events or from_topics")
        return self


class UnmatchedType(BaseModel, use_attribute_docstrings=True):
    """A type that no active definition takes, and how many events had it."""

    type: str
    """The event type."""
    count: int
    """How many events had it."""


class BackfillAnswer(BaseModel, use_attribute_docstrings=True):
    """The state and progress of a backfill."""

    id: BackfillId
    """The id of the backfill."""
    state: Literal["running", "done", "cancelled"]
    """What it does now."""
    xp: bool
    """Whether reps earn XP by these events."""
    requested_by: str
    """Who requested it: `sub` of the token, or the name of a command's user."""
    requested_at: Instant
    """When it was requested."""
    ended_at: Instant | None
    """When it ended; null: not yet."""
    since: Instant | None
    """Of one that reads the topics: from when."""
    types: list[str] | None
    """Of one that reads the topics: which types; null: all."""
    reaches_back: Instant | None
    """Since when the topics have all records; null: they have all, or it is not known yet."""
    records_read: int
    """Records of the topics that were read, of all accounts."""
    records_total: int | None
    """Records of the topics to read; null until they are counted, and for a backfill with events."""
    events_done: int
    """Events that have their outcome."""
    events_total: int
    """Events that were given, or found in the topics so far."""
    outcomes: dict[Outcome, int]
    """How many events had which outcome."""
    unmatched: list[UnmatchedType]
    """The most frequent types of unmatched events."""
    error: str | None
    """Why the last step has failed; it is tried again."""


@router.post("/backfills", status_code=202)
async def begin_backfill(
    caller: Manager, database: Database, body: BackfillRequest, request: Request, response: Response
) -> BackfillAnswer:
    """Begin a backfill: up to 10,000 events, or the input topics from a time on; `Location` is its progress.

    If any event is faulty, none is taken. What was applied before is a duplicate, so a request can be repeated.
    """
    account = caller.account
    options: dict[str, Any] = {"with_xp": body.xp, "by": caller.actor}
    if "events" in body.model_fields_set:
        with SortedEvents() as events:
            await asyncio.to_thread(_read_events, await request.body(), account.key, events)
            async with database.changing() as connection:
                number = await requests.begin_with_events(
                    connection, account.key, account.id, events, **options
                )
    else:
        types = body.from_topics.types or None
        async with database.changing() as connection:
            number = await requests.begin_from_topics(
                connection, account.key, account.id, since=body.from_topics.since, types=types, **options
            )
    async with database.connection() as connection:
        answer = await _read_one(connection, account.id, number)
    response.headers["Location"] = f"/v1/accounts/{account.key}/backfills/{BACKFILL.write(number)}"
    return answer


@router.get("/backfills")
async def list_backfills(
    caller: Reader, database: Database, limit: Limit = 50, cursor: Cursor = None
) -> Page[BackfillAnswer]:
    """List the account's backfills, newest first."""
    context = ("backfills", caller.account.id)
    (before,) = cursors.decode(context, cursor) or (cursors.NEWEST,)
    async with database.connection() as connection:
        items = await _read(connection, caller.account.id, before, limit + 1)
    return cursors.page(items, limit, context, lambda item: [item.id], engagement=caller.account.engagement)


@router.get("/backfills/{backfill}")
async def read_backfill(caller: Reader, database: Database, backfill: BackfillId) -> BackfillAnswer:
    """Return a backfill with its progress, and what became of its events so far."""
    async with database.connection() as connection:
        return await _read_one(connection, caller.account.id, backfill)


@router.post("/backfills/{backfill}/cancel")
async def cancel_backfill(caller: Manager, database: Database, backfill: BackfillId) -> BackfillAnswer:
    """Cancel a backfill: what was applied stays."""
    async with database.changing() as connection:
        await _read_one(connection, caller.account.id, backfill)
        await requests.cancel(connection, caller.account.key, backfill, by=caller.actor)
        return await _read_one(connection, caller.account.id, backfill)


def _read_events(content: bytes, account: str, events: SortedEvents) -> None:
    """Read the events of a body that was found well-formed; raises ProblemError with all faults."""
    now = to_microseconds(SystemClock().now())
    faults: list[FieldFault] = []
    for place, raw in enumerate(raw_events(content)):
        event = event_of_line(raw, now)
        if isinstance(event, DeadLetter):
            faults.append(body_fault(f"events.{place}", f"{event.reason}: {event.detail}"))
        elif event.account != account:
            faults.append(body_fault(f"events.{place}.accountid", f"must be {account}"))
        else:
            events.add(event, record_of(event, "backfill", place))
    if faults:
        raise invalid(*faults[:_SHOWN_FAULTS])


async def _read_one(connection: Connection, account_id: int, number: int) -> BackfillAnswer:
    found = await _read(connection, account_id, min(number + 1, cursors.NEWEST), 1)
    if not found or found[0].id != number or not outward_ids.is_readable(number, found[0].requested_at):
        raise not_found(f"backfill {number}")
    return found[0]


async def _read(connection: Connection, account_id: int, before: int, limit: int) -> list[BackfillAnswer]:
    rows = await connection.fetch(_SQL["page"], account_id, before, limit)
    by_backfill: defaultdict[int, list[asyncpg.Record]] = defaultdict(list)
    for row in await connection.fetch(_SQL["outcomes"], [row["id"] for row in rows]):
        by_backfill[row["backfill_id"]].append(row)
    return [_answer(row, by_backfill[row["id"]]) for row in rows]


def _answer(row: asyncpg.Record, outcomes: Sequence[asyncpg.Record]) -> BackfillAnswer:
    by_outcome: defaultdict[str, int] = defaultdict(int)
    for one in outcomes:
        by_outcome[one["outcome"]] += one["count"]
    unmatched = [UnmatchedType(type=one["type"], count=one["count"]) for one in outcomes if one["type"]]
    return BackfillAnswer(**row, outcomes=by_outcome, unmatched=unmatched[:_SHOWN_TYPES])
