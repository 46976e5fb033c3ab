"""`segments`: saved conditions on contacts, with counts of members; `contacts?segment=` lists the members."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from consumer.catalog import audit
from consumer.catalog.audit import AuditedChange
from consumer.catalog.audit_changes import field_changes
from consumer.infra.clock import SystemClock
from consumer.scoring.segments import count_members, repository
from consumer.scoring.segments.definition import Match
from consumer.scoring.segments.repository import Segment, StoredSegment
from consumer.web.api.catalog.edit import Limits, order_answer, reordered
from consumer.web.api.catalog.schemas import Order, OrderAnswer
from consumer.web.api.contacts.segment_references import reference_faults
from consumer.web.http import etags
from consumer.web.http.api_route import ApiRoute
from consumer.web.http.auth import Manager, Reader
from consumer.web.http.cursors import MAX_CONFIGURED, ConfigurationLimit, Cursor, Page, page_of_keys
from consumer.web.http.database import Database
from consumer.web.http.etags import IfMatch
from consumer.web.http.problems import body_fault, conflict, invalid, not_found
from consumer.web.http.request_types import Body, Key, Text
from consumer.web.http.timestamps import Instant

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from consumer.infra.postgres.connection import Connection
    from consumer.web.http.auth import Caller
    from consumer.web.http.database import AccountConnections

router = APIRouter(prefix="/v1/accounts/{account}", tags=["segments"], route_class=ApiRoute)

_MAX_DESCRIPTION = 2_000

Description = Annotated[str, Field(max_length=_MAX_DESCRIPTION)]


class NewSegment(Body):
    """A segment to create."""

    key: Key
    """The key; it cannot be changed."""
    name: Text
    """The name for display."""
    description: Description = ""
    """What the segment is for."""
    profile: Key | None = None
    """The profile whose scores `match` refers to; null: the primary one at the time of reading."""
    match: Match
    """The rule of membership."""


class SegmentChange(Body):
    """Changes to a segment; omitted fields stay as they are. `match` is replaced as a whole."""

    name: Text = Field(default_factory=str)
    """The name for display."""
    description: Description = Field(default_factory=str)
    """What the segment is for."""
    profile: Key | None = None
    """The profile whose scores `match` refers to; null: the primary one at the time of reading."""
    match: Match = Field(default_factory=Match.model_construct)
    """The rule of membership."""


class SegmentToCount(Body):
    """What would be a segment."""

    profile: Key | None = None
    """The profile whose scores `match` refers to; null: the primary one."""
    match: Match
    """The rule of membership."""


class MemberCount(BaseModel, use_attribute_docstrings=True):
    """How many members a segment would have."""

    contacts: int | None
    """Null if they could not be counted within ten seconds."""
    counted_at: Instant
    """The time that days are counted back from."""


class Count(BaseModel, use_attribute_docstrings=True):
    """The number of members of a segment; all fields are null before the first count."""

    contacts: int | None
    """The number of members."""
    counted_at: datetime | None
    """When they were counted."""
    age_seconds: float | None
    """Age of the count. Above 60 while it is being counted again, or if the last attempt took too long."""


class SegmentAnswer(BaseModel, use_attribute_docstrings=True):
    """A segment."""

    key: str
    """The key."""
    name: str
    """The name for display."""
    description: str
    """What the segment is for."""
    profile: str | None
    """The profile whose scores `match` refers to; null: the primary one at the time of reading."""
    match: Match
    """The rule of membership."""
    count: Count
    """How many contacts are members."""
    revision: str
    """The value of `ETag`, without quotes."""


@router.get("/segments", response_model_exclude_unset=True)
async def list_segments(
    caller: Reader,
    database: Database,
    limit: ConfigurationLimit = MAX_CONFIGURED,
    cursor: Cursor = None,
    *,
    renew: Annotated[
        bool, Query(description="Renew counts older than a minute; false: answer with the last ones at once.")
    ] = True,
) -> Page[SegmentAnswer]:
    """List the segments in display order; counts older than a minute are renewed, within ten seconds at most."""
    async with database.connection(heavy=renew) as connection:
        known = await repository.segment_keys(connection, caller.account.id)
        keys, following = page_of_keys(known, limit, ("segments", caller.account.id), cursor)
        if renew:
            segments = await repository.read_segments(connection, caller.account.id, keys)
            await _count(connection, caller, segments)
        stored = await repository.read_segments(connection, caller.account.id, keys)
    items = [_answer(each) for each in stored]
    return Page(items=items, next=following, engagement=caller.account.engagement)


@router.post("/segments", status_code=201, response_model_exclude_unset=True)
async def create_segment(
    caller: Manager, database: Database, limits: Limits, body: NewSegment, response: Response
) -> SegmentAnswer:
    """Create a segment at the end of the order."""
    segment = Segment(**{name: getattr(body, name) for name in NewSegment.model_fields})
    async with _locked_segments(database, caller) as connection:
        await _check(connection, caller, segment)
        if not await repository.add_segment(connection, caller.account.id, segment):
            raise conflict(f"segment {segment.key} already exists")
        after = await repository.count_segments(connection, caller.account.id)
        if problem := limits.refusal("max_segments", after - 1, after):
            raise invalid(body_fault("", f"the account {problem}"))
        change = AuditedChange("created", "segment", segment.key, None, segment.documented())
        await audit.record_changes(connection, caller.account.key, caller.actor, change)
        return _tagged_answer(await _require_segment(connection, caller, segment.key), response)


@router.post("/segments/count")
async def count_members_of(caller: Reader, database: Database, body: SegmentToCount) -> MemberCount:
    """Count the members that a segment would have, within ten seconds; nothing is stored."""
    now = SystemClock().now()
    segment = Segment(key="", name="", profile=body.profile, match=body.match)
    async with database.connection(heavy=True) as connection:
        await _check(connection, caller, segment)
        contacts = await count_members.count_once(connection, caller.account.id, segment, now)
    return MemberCount(contacts=contacts, counted_at=now)


@router.get("/segments/{segment}", response_model_exclude_unset=True)
async def read_segment(caller: Reader, database: Database, segment: str, response: Response) -> SegmentAnswer:
    """Return a segment; a count older than a minute is renewed, within ten seconds at most."""
    async with database.connection(heavy=True) as connection:
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
    """Change a segment; omitted fields stay. Its count starts over."""
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
    """Delete a segment; contacts and scores do not change."""
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
        return order_answer(await repository.segment_keys(connection, caller.account.id), response)


@router.put("/segment-order")
async def change_segment_order(
    caller: Manager, database: Database, body: Order, response: Response, if_match: IfMatch = None
) -> OrderAnswer:
    """Change the order of the segments."""
    async with _locked_segments(database, caller) as connection:
        before = await repository.segment_keys(connection, caller.account.id)
        etags.require_match(if_match, etags.revision(before))
        after = [*reordered(dict.fromkeys(before), body.keys)]
        if after != before:
            await repository.reorder_segments(connection, caller.account.id, after)
            change = AuditedChange("reordered", "segments", None, before, after)
            await audit.record_changes(connection, caller.account.key, caller.actor, change)
    return order_answer(after, response)


@asynccontextmanager
async def _locked_segments(database: AccountConnections, caller: Caller) -> AsyncIterator[Connection]:
    """Lend a connection in a transaction that holds the lock on the account's segments."""
    async with database.changing() as connection, connection.transaction():
        await repository.lock_segments(connection, caller.account.id)
        yield connection


async def _check(connection: Connection, caller: Caller, segment: Segment) -> None:
    """Raise ProblemError (422) if the segment names an unknown definition, group, profile or band."""
    if faults := await reference_faults(connection, caller.account.id, segment.profile, segment.match):
        raise invalid(*faults)


async def _require_segment(connection: Connection, caller: Caller, key: str) -> StoredSegment:
    stored = await repository.read_segment(connection, caller.account.id, key)
    if stored is None:
        raise not_found(f"segment {key}")
    return stored


async def _count(connection: Connection, caller: Caller, segments: list[StoredSegment]) -> None:
    await count_members.refresh_counts(connection, caller.account.id, segments, SystemClock().now())


def _revision(segment: Segment) -> str:
    return etags.revision(segment.documented())


def _answer(stored: StoredSegment) -> SegmentAnswer:
    return SegmentAnswer(
        **stored.segment.documented(),
        count=Count(contacts=stored.contacts, counted_at=stored.counted_at, age_seconds=stored.age_seconds),
        revision=_revision(stored.segment),
    )


def _tagged_answer(stored: StoredSegment, response: Response) -> SegmentAnswer:
    answer = _answer(stored)
    counted = etags.revision([answer.count.contacts, answer.count.counted_at])
    etags.set_etag(response, answer.revision, counted)
    return answer
