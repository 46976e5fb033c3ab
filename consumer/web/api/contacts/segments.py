"""`segments`: saved conditions on contacts, how many fulfil them, their order; `contacts?segment=` lists them."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from consumer.catalog import audit
from consumer.catalog.audit import AuditedChange
from consumer.catalog.audit_changes import field_changes
from consumer.infra.clock import SystemClock
from consumer.scoring.segments import count_members, repository
from consumer.scoring.segments.definition import Match, named_keys
from consumer.scoring.segments.repository import Segment, StoredSegment
from consumer.web.api.catalog.edit import order_answer, reordered
from consumer.web.api.catalog.schemas import Order, OrderAnswer
from consumer.web.http import etags
from consumer.web.http.auth import Manager, Reader
from consumer.web.http.cursors import Page
from consumer.web.http.database import Database
from consumer.web.http.etags import IfMatch
from consumer.web.http.problems import FieldFault, body_fault, conflict, invalid, not_found
from consumer.web.http.request_body import Body, Key, Text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from consumer.infra.postgres.connection import Connection
    from consumer.web.http.auth import Caller
    from consumer.web.http.database import Connections

router = APIRouter(prefix="/v1/accounts/{account}", tags=["segments"])

_MAX_DESCRIPTION = 2_000

Description = Annotated[str, Field(max_length=_MAX_DESCRIPTION)]


class NewSegment(Body):
    """A segment to be created."""

    key: Key
    name: Text
    description: Description = ""
    profile: Key | None = None
    """Whose scores `match` means; null: the primary one's, whichever that is."""
    match: Match


class SegmentChange(Body):
    """What is to change of a segment; what is left out stays. `match` is one value."""

    name: Text = Field(default_factory=str)
    description: Description = Field(default_factory=str)
    profile: Key | None = None
    match: Match = Field(default_factory=Match.model_construct)


class Count(BaseModel, use_attribute_docstrings=True):
    """How many contacts are in a segment; all null while it was not counted yet."""

    contacts: int | None
    counted_at: datetime | None
    age_seconds: float | None
    """How old that is. Older than a minute where it is being counted, or took too long."""


class SegmentAnswer(BaseModel):
    """A segment."""

    key: str
    name: str
    description: str
    profile: str | None
    match: Match
    count: Count
    revision: str


@router.get("/segments", response_model_exclude_unset=True)
async def list_segments(caller: Reader, database: Database) -> Page[SegmentAnswer]:
    """List the segments in display order; counts older than a minute are made anew, in ten seconds at most."""
    async with database.connection() as connection:
        await _count(connection, caller, await repository.read_segments(connection, caller.account.id))
        found = await repository.read_segments(connection, caller.account.id)
    return Page(items=[_answer(each) for each in found], next=None, engagement=caller.account.engagement)


@router.post("/segments", status_code=201, response_model_exclude_unset=True)
async def create_segment(
    caller: Manager, database: Database, body: NewSegment, response: Response
) -> SegmentAnswer:
    """Create a segment, at the end of the order."""
    segment = Segment(**{name: getattr(body, name) for name in NewSegment.model_fields})
    async with _locked_segments(database, caller) as connection:
        await _check(connection, caller, segment)
        if not await repository.add_segment(connection, caller.account.id, segment):
            raise conflict(f"there is a segment {segment.key} already")
        change = AuditedChange("created", "segment", segment.key, None, segment.documented())
        await audit.record_changes(connection, caller.account.key, caller.actor, change)
        return _tagged_answer(await _require_segment(connection, caller, segment.key), response)


@router.get("/segments/{segment}", response_model_exclude_unset=True)
async def read_segment(caller: Reader, database: Database, segment: str, response: Response) -> SegmentAnswer:
    """Return a segment; a count older than a minute is made anew, in ten seconds at most."""
    async with database.connection() as connection:
        await _count(connection, caller, [await _require_segment(connection, caller, segment)])
        return _tagged_answer(await _require_segment(connection, caller, segment), response)


@router.patch("/segments/{segment}", response_model_exclude_unset=True)
async def change_segment(
    caller: Manager,
    database: Database,
    segment: str,
    body: SegmentChange,
    response: Response,
    *,
    if_match: IfMatch = None,
) -> SegmentAnswer:
    """Change a segment; what is left out stays. It is counted anew."""
    async with _locked_segments(database, caller) as connection:
        before = (await _require_segment(connection, caller, segment)).segment
        etags.require_match(if_match, _revision(before))
        after = replace(before, **{name: getattr(body, name) for name in body.model_fields_set})
        await _check(connection, caller, after)
        await repository.update_segment(connection, caller.account.id, after)
        changes = field_changes("segment", segment, before.documented(), after.documented())
        await audit.record_changes(connection, caller.account.key, caller.actor, *changes)
        return _tagged_answer(await _require_segment(connection, caller, segment), response)


@router.delete("/segments/{segment}", status_code=204)
async def delete_segment(caller: Manager, database: Database, segment: str, if_match: IfMatch = None) -> None:
    """Delete a segment; contacts and their scores stay as they are."""
    async with _locked_segments(database, caller) as connection:
        before = (await _require_segment(connection, caller, segment)).segment
        etags.require_match(if_match, _revision(before))
        await repository.delete_segment(connection, caller.account.id, segment)
        change = AuditedChange("deleted", "segment", segment, before.documented(), None)
        await audit.record_changes(connection, caller.account.key, caller.actor, change)


@router.get("/segment-order")
async def read_segment_order(caller: Reader, database: Database, response: Response) -> OrderAnswer:
    """Return the order of the segments."""
    async with database.connection() as connection:
        found = await repository.read_segments(connection, caller.account.id)
    return order_answer((each.segment.key for each in found), response)


@router.put("/segment-order")
async def change_segment_order(
    caller: Manager, database: Database, body: Order, response: Response, if_match: IfMatch = None
) -> OrderAnswer:
    """Put all segments into another order."""
    async with _locked_segments(database, caller) as connection:
        before = {
            each.segment.key: each for each in await repository.read_segments(connection, caller.account.id)
        }
        etags.require_match(if_match, etags.revision([*before]))
        after = [*reordered(before, body.keys)]
        if after != [*before]:
            await repository.reorder_segments(connection, caller.account.id, after)
            change = AuditedChange("reordered", "segments", None, [*before], after)
            await audit.record_changes(connection, caller.account.key, caller.actor, change)
    return order_answer(after, response)


@asynccontextmanager
async def _locked_segments(database: Connections, caller: Caller) -> AsyncIterator[Connection]:
    """Lend a connection in a transaction in which nobody else changes segments of the account."""
    async with database.connection() as connection, connection.transaction():
        await repository.lock_segments(connection, caller.account.id)
        yield connection


async def _check(connection: Connection, caller: Caller, segment: Segment) -> None:
    """Refuse (422) what names a definition, group or profile that the account does not have."""
    known_numbers = await repository.read_account_ids(connection, caller.account.id)
    known = {
        "definition": known_numbers.definitions.keys(),
        "group": known_numbers.groups.keys() - known_numbers.deleted,
    }
    faults: list[FieldFault] = []
    if segment.profile is not None and segment.profile not in known_numbers.profiles:
        faults.append(body_fault("profile", f"there is no profile {segment.profile}"))
    faults += [
        body_fault(".".join(map(str, ("match", *path))), f"there is no {what} {key}")
        for path, what, key in named_keys(segment.match)
        if key not in known[what]
    ]
    if faults:
        raise invalid(*faults)


async def _require_segment(connection: Connection, caller: Caller, key: str) -> StoredSegment:
    found = await repository.read_segment(connection, caller.account.id, key)
    if found is None:
        raise not_found(f"segment {key}")
    return found


async def _count(connection: Connection, caller: Caller, segments: list[StoredSegment]) -> None:
    await count_members.refresh_counts(connection, caller.account.id, segments, SystemClock().now())


def _revision(segment: Segment) -> str:
    return etags.revision(segment.documented())


def _answer(found: StoredSegment) -> SegmentAnswer:
    return SegmentAnswer(
        **found.segment.documented(),
        count=Count(contacts=found.contacts, counted_at=found.counted_at, age_seconds=found.age_seconds),
        revision=_revision(found.segment),
    )


def _tagged_answer(found: StoredSegment, response: Response) -> SegmentAnswer:
    answer = _answer(found)
    etags.set_etag(response, answer.revision)
    return answer
