"""A contact's timeline: entries, adjustments and what was carried over, newest first, with what each is worth now.

Owns the shapes, the filters and the order. Never judges: verdicts and weights are as stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import Depends, Query
from pydantic import BaseModel

from consumer.web.api.contacts.profile_view import ProfileKey  # noqa: TC001 - the same
from consumer.web.api.contacts.score_parts import (
    ADJUSTMENT_KEY,
    NEWEST,
    TimelinePosition,
    WeightedDefinition,
    carried_counts,
    read_adjustments,
    read_counted_entries,
    read_tallies,
    read_weighted_definitions,
)
from consumer.web.api.contacts.verdict_reasons import Why, why
from consumer.web.http.problems import invalid, query_fault
from consumer.web.http.request_body import Key  # noqa: TC001 - FastAPI reads annotations at run time
from consumer.web.http.timestamps import FIRST, Instant, InstantParam
from schemas.names import Verdict
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

    from consumer.infra.postgres.connection import Connection
    from consumer.web.api.contacts.profile_view import ProfileView

_ENTRIES = queries("timeline")["entries"]
# Of the one line for what is no longer on the timeline: below everything.
_CARRIED: TimelinePosition = (FIRST, b"", 0)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Kind(StrEnum):
    """What an item of a timeline is."""

    EVENT = "event"
    ADJUSTMENT = "adjustment"
    CARRIED = "carried"


class EventDetails(BaseModel):
    """The event of an entry.

    object: the conversation, deal, order… it is about. settled: it came more than 7 days late, and moved no other
    verdict. xp: what the entry has given to the actor.
    """

    id: str
    source: str
    type: str
    object: str | None
    actor: str | None
    actor_type: str | None
    settled: bool
    xp: int


class AdjustmentDetails(BaseModel):
    """Points that people gave or took."""

    id: int
    reason: str
    author: str


class TimelineItem(BaseModel):
    """One line of a timeline.

    points: what it gives now, under the profile that was asked for; all lines together are the score. why: of an
    event that gives none. definition, name, icon, verdict, event: of an event. at, group: null of the one line, the
    last, for what is no longer on the timeline and still counts.
    """

    kind: Kind
    at: Instant | None
    points: int
    group: str | None
    definition: str | None = None
    name: str | None = None
    icon: str | None = None
    verdict: Verdict | None = None
    why: Why | None = None
    event: EventDetails | None = None
    adjustment: AdjustmentDetails | None = None


@dataclass(frozen=True, slots=True)
class TimelineFilters:
    """What of a timeline is asked for, under which profile."""

    profile: ProfileKey = None
    definition: Annotated[Key | None, Query(description="Only this definition's entries.")] = None
    group: Annotated[Key | None, Query(description="Only what counts in this group.")] = None
    verdict: Annotated[Verdict | None, Query(description="Only entries with this verdict.")] = None
    since: Annotated[InstantParam | None, Query(description="Only what happened then or later.")] = None
    until: Annotated[InstantParam | None, Query(description="Only what happened before.")] = None


# What routes name as the type of a parameter.
TimelineFilterParams = Annotated[TimelineFilters, Depends()]


@dataclass(frozen=True, slots=True)
class TimelineQuery:
    """A contact's timeline and filters by number. definitions, groups: None for all."""

    account: int
    contact: int
    view: ProfileView
    zone: ZoneInfo
    weighted: dict[int, WeightedDefinition]
    definitions: list[int] | None
    groups: list[int] | None
    filters: TimelineFilters


async def build_query(
    connection: Connection, account: int, contact: int, view: ProfileView, filters: TimelineFilters
) -> TimelineQuery:
    """Return the filters by number; raises ProblemError (422) where they name what is not there."""
    weighted = await read_weighted_definitions(connection, account, view)
    if filters.definition and filters.definition not in {each.key for each in weighted.values()}:
        raise invalid(query_fault("definition", f"there is no definition {filters.definition}"))
    groups = [view.group_id(filters.group, "group")] if filters.group else None
    definitions = [
        each.id
        for each in weighted.values()
        if filters.definition in {None, each.key} and filters.group in {None, each.group}
    ]
    everything = filters.definition is None and filters.group is None
    zone = ZoneInfo(view.time_zone)
    return TimelineQuery(
        account, contact, view, zone, weighted, None if everything else definitions, groups, filters
    )


def start_position(filters: TimelineFilters) -> TimelinePosition:
    """Return the place that a timeline begins after."""
    return (filters.until, b"", 0) if filters.until else NEWEST


async def page(
    connection: Connection, query: TimelineQuery, before: TimelinePosition, limit: int
) -> list[tuple[TimelinePosition, TimelineItem]]:
    """Return the items after a place, at most so many, each with its own place."""
    filters = query.filters
    since = filters.since or FIRST
    found = [
        _entry(row, query)
        for row in await connection.fetch(
            _ENTRIES,
            *(query.account, query.contact, *before, since, query.definitions),
            *([filters.verdict.value] if filters.verdict else None, limit),
        )
    ]
    if filters.verdict is None and filters.definition is None:
        found += [
            _adjustment(row, query.view)
            for row in await read_adjustments(
                connection,
                query.contact,
                query.view,
                before=before,
                since=since,
                groups=query.groups,
                limit=limit,
            )
        ]
        found.sort(key=lambda placed: placed[0], reverse=True)
    if len(found) < limit and before > _CARRIED:
        found += await _carried(connection, query)
    return found[:limit]


def _entry(row: asyncpg.Record, query: TimelineQuery) -> tuple[TimelinePosition, TimelineItem]:
    definition = query.weighted[row["definition_id"]]
    verdict = Verdict(row["verdict"])
    counts = verdict is Verdict.COUNTED
    item = TimelineItem(
        kind=Kind.EVENT,
        at=row["occurred_at"],
        points=definition.weight if counts else 0,
        group=definition.group,
        definition=definition.key,
        name=definition.name,
        icon=definition.icon,
        verdict=verdict,
        why=why(dict(row), definition.weight, query.zone),
        event=EventDetails(
            id=row["event_id"],
            source=row["source"],
            type=row["type"],
            object=row["object_id"],
            actor=row["actor_id"],
            actor_type=row["actor_type"],
            settled=row["settled"],
            xp=row["xp_worth"] if counts else 0,
        ),
    )
    return (row["occurred_at"], row["event_key"], definition.id), item


def _adjustment(row: asyncpg.Record, view: ProfileView) -> tuple[TimelinePosition, TimelineItem]:
    item = TimelineItem(
        kind=Kind.ADJUSTMENT,
        at=row["created_at"],
        points=row["points"],
        group=view.group_key(row["group_id"]),
        adjustment=AdjustmentDetails(id=row["id"], reason=row["reason"], author=row["author"]),
    )
    return (row["created_at"], ADJUSTMENT_KEY, row["id"]), item


async def _carried(
    connection: Connection, query: TimelineQuery
) -> list[tuple[TimelinePosition, TimelineItem]]:
    """Return the line for what is no longer on the timeline; none where dates or verdicts are asked for."""
    filters = query.filters
    if filters.since or filters.until or filters.verdict not in {None, Verdict.COUNTED}:
        return []
    entries = await read_counted_entries(connection, query.account, query.contact)
    left = {
        definition: count
        for definition, count in carried_counts(
            await read_tallies(connection, query.contact), entries
        ).items()
        if query.definitions is None or definition in query.definitions
    }
    if not left:
        return []
    points = sum(query.weighted[definition].weight * count for definition, count in left.items())
    return [(_CARRIED, TimelineItem(kind=Kind.CARRIED, at=None, points=points, group=None))]


def encode_position(place: TimelinePosition) -> list[Any]:
    """Return a place as a cursor holds it."""
    at, key, number = place
    return [(at - _EPOCH) // timedelta(microseconds=1), key.hex(), number]


def decode_position(position: Sequence[Any]) -> TimelinePosition:
    """Return the place that a cursor holds."""
    at, key, number = position
    return _EPOCH + timedelta(microseconds=at), bytes.fromhex(key), number
