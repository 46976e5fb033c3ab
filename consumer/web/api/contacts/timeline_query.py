"""Query a contact's timeline: entries, adjustments, carried and bounded lines, newest first, with today's points.

Never judges: verdicts and weights are as stored. Items are made as JSON values, without a model for each of them; a
test holds them against the model that documents them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import Depends, Query
from pydantic import BaseModel

from consumer.web.api.catalog.schemas import plain
from consumer.web.api.contacts.profile_view import ProfileKey  # noqa: TC001 - the same
from consumer.web.api.contacts.schemas import AdjustmentId
from consumer.web.api.contacts.score_parts import (
    ADJUSTMENT_KEY,
    NEWEST,
    ScoredContact,
    TimelinePosition,
    carried_counts,
    read_adjustments,
    read_counted_entries,
    read_tallies,
)
from consumer.web.api.contacts.shown_scores import OVERALL, overall_sum
from consumer.web.api.contacts.verdict_reasons import Why, why
from consumer.web.http.outward_ids import ADJUSTMENT
from consumer.web.http.parameter_classes import made_of
from consumer.web.http.problems import invalid, query_fault
from consumer.web.http.request_types import Key, Text  # noqa: TC001 - FastAPI reads annotations at run time
from consumer.web.http.timestamps import FIRST, Instant, InstantParam
from schemas.exact_json import parse_data
from schemas.timestamps import rfc3339
from schemas.vocabulary import Verdict
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import asyncpg

    from consumer.infra.postgres.connection import Connection
    from consumer.web.api.contacts.profile_view import ProfileView

# In the shape of TimelineItem.
Item = dict[str, Any]

_ENTRIES = queries("contact_timeline")["entries"]
# Of the first line that is at no time: after all others. Further ones have lower numbers.
_LAST_LINES: TimelinePosition = (FIRST, b"", 0)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Of one event's data in a page, in bytes: 200 of them are some megabytes.
MOST_DATA = 16_384


class Kind(StrEnum):
    """The kind of a timeline item."""

    EVENT = "event"
    ADJUSTMENT = "adjustment"
    CARRIED = "carried"
    BOUNDED = "bounded"


class EventDetails(BaseModel, use_attribute_docstrings=True):
    """The event of a timeline entry."""

    id: str
    """The id of the CloudEvent."""
    source: str
    """The source of the CloudEvent."""
    type: str
    """The event type."""
    object: str | None
    """The conversation, deal, order… it is about; null: none."""
    actor: str | None
    """Who caused it, by id; null: none."""
    actor_type: str | None
    """What kind of actor; null: none."""
    settled: bool
    """Whether it arrived more than 7 days late and changed no other verdict."""
    xp: int
    """Experience points that the entry gives to the actor."""
    came_by: str | None
    """The id that it named, where that was joined to the contact's; null: the contact's own."""
    data: dict[str, Any] | None = None
    """What came with it, on request (`data=true`); null where that has more than 16 KiB."""
    data_bytes: int | None = None
    """The size of `data`, on request."""


class AdjustmentDetails(BaseModel, use_attribute_docstrings=True):
    """Points that people gave or took."""

    id: AdjustmentId
    """The id of the adjustment."""
    reason: str
    """Why, as its author wrote."""
    author: str
    """Who gave or took the points: `sub` of the token."""


class TimelineItem(
    BaseModel, use_attribute_docstrings=True, json_schema_serialization_defaults_required=True
):
    """One item of a timeline: an event under one definition, an adjustment, carried points, or what bounds take."""

    kind: Kind
    """What kind of item it is. `carried` and `bounded` come last: the points of counted events that are no longer
    on the timeline, and what bounds add (negative: take)."""
    at: Instant | None
    """When it happened; null for `carried` and `bounded`."""
    points: int
    """Today's points under the requested profile; those of all items, without groups apart, add up to the score."""
    group: str | None
    """The key of the group that they go to; null for `carried` points of groups that are not apart, and for what
    the bounds of overall add."""
    definition: str | None = None
    """The definition's key; for `event` only."""
    name: str | None = None
    """The definition's name; for `event` only."""
    icon: str | None = None
    """The definition's icon; for `event` only."""
    verdict: Verdict | None = None
    """The verdict; for `event` only."""
    why: Why | None = None
    """Why an event gives no points; null if it gives some."""
    event: EventDetails | None = None
    """The event; for `event` only."""
    adjustment: AdjustmentDetails | None = None
    """The adjustment; for `adjustment` only."""


# Of items without an event.
_NO_EVENT = dict.fromkeys(["definition", "name", "icon", "verdict", "why", "event", "adjustment"])


@dataclass(frozen=True, slots=True)
class TimelineFilters:
    """Query parameters of a timeline: profile and filters."""

    profile: ProfileKey = None
    definition: Annotated[Key | None, Query(description="Only entries of this definition.")] = None
    group: Annotated[Key | None, Query(description="Only items in this group.")] = None
    verdict: Annotated[Verdict | None, Query(description="Only entries with this verdict.")] = None
    actor: Annotated[Text | None, Query(description="Only entries that this actor caused, by id.")] = None
    since: Annotated[InstantParam | None, Query(description="Only items at this instant or later.")] = None
    until: Annotated[InstantParam | None, Query(description="Only items before this instant.")] = None


# Type of the parameter by which a route gets them.
TimelineFilterParams = Annotated[TimelineFilters, Depends(made_of(TimelineFilters))]


@dataclass(frozen=True, slots=True)
class TimelineQuery:
    """A contact and filters by id. definitions, groups: None for all."""

    contact: ScoredContact
    zone: ZoneInfo
    definitions: list[int] | None
    groups: list[int] | None
    filters: TimelineFilters


def build_query(contact: ScoredContact, filters: TimelineFilters) -> TimelineQuery:
    """Resolve keys in the filters to ids; raises ProblemError (422) for unknown ones."""
    weighted, view = contact.weighted, contact.view
    if filters.definition and filters.definition not in {each.key for each in weighted.values()}:
        raise invalid(query_fault("definition", f"there is no definition {filters.definition}"))
    groups = [view.group_id(filters.group, "group")] if filters.group else None
    definitions = [
        each.id
        for each in weighted.values()
        if filters.definition in {None, each.key} and filters.group in {None, each.group}
    ]
    unfiltered = filters.definition is None and filters.group is None
    return TimelineQuery(
        contact, ZoneInfo(view.time_zone), None if unfiltered else definitions, groups, filters
    )


def start_position(filters: TimelineFilters) -> TimelinePosition:
    """Return the position before the first item."""
    return (filters.until, b"", 0) if filters.until else NEWEST


async def page(
    connection: Connection, query: TimelineQuery, before: TimelinePosition, limit: int, *, data: bool = False
) -> list[tuple[TimelinePosition, Item]]:
    """Return at most `limit` items after a position, each with its own position. data: with that of events."""
    filters = query.filters
    since = filters.since or FIRST
    items = [
        _entry(row, query)
        for row in await connection.fetch(
            _ENTRIES,
            *(query.contact.account, query.contact.id, *before, since, query.definitions),
            *([filters.verdict.value] if filters.verdict else None, limit, MOST_DATA if data else None),
            filters.actor,
        )
    ]
    if filters.verdict is None and filters.definition is None and filters.actor is None:
        items += [
            _adjustment(row, query.contact.view)
            for row in await read_adjustments(
                connection,
                query.contact,
                before=before,
                since=since,
                groups=query.groups,
                limit=limit,
            )
        ]
        items.sort(key=lambda item: item[0], reverse=True)
    if len(items) < limit and (before > _LAST_LINES or query.contact.view.frames):
        items += [line for line in await _last_lines(connection, query) if line[0] < before]
    return items[:limit]


def _entry(row: asyncpg.Record, query: TimelineQuery) -> tuple[TimelinePosition, Item]:
    definition = query.contact.weighted[row["definition_id"]]
    counts = row["verdict"] == Verdict.COUNTED
    item = {
        "kind": Kind.EVENT,
        "at": rfc3339(row["occurred_at"]),
        "points": definition.weight if counts else 0,
        "group": definition.group,
        "definition": definition.key,
        "name": definition.name,
        "icon": definition.icon,
        "verdict": row["verdict"],
        "why": why(row, definition.weight, query.zone),
        "event": {
            "id": row["event_id"],
            "source": row["source"],
            "type": row["type"],
            "object": row["object_id"],
            "actor": row["actor_id"],
            "actor_type": row["actor_type"],
            "settled": row["settled"],
            "xp": row["xp_worth"] if counts else 0,
            "came_by": row["came_by"],
            "data": None if row["data"] is None else plain(parse_data(row["data"])),
            "data_bytes": row["data_bytes"],
        },
        "adjustment": None,
    }
    return (row["occurred_at"], row["event_key"], definition.id), item


def _adjustment(row: asyncpg.Record, view: ProfileView) -> tuple[TimelinePosition, Item]:
    details = {"id": ADJUSTMENT.write(row["id"]), "reason": row["reason"], "author": row["author"]}
    item = {
        "kind": Kind.ADJUSTMENT,
        "at": rfc3339(row["created_at"]),
        "points": row["points"],
        "group": view.group_key(row["group_id"]),
        **_NO_EVENT,
        "adjustment": details,
    }
    return (row["created_at"], ADJUSTMENT_KEY, row["id"]), item


async def _last_lines(connection: Connection, query: TimelineQuery) -> list[tuple[TimelinePosition, Item]]:
    """Return the carried and bounded lines, if there are any; filters by time or another verdict exclude them."""
    filters, view = query.filters, query.contact.view
    if filters.since or filters.until or filters.actor or filters.verdict not in {None, Verdict.COUNTED}:
        return []
    entries = await read_counted_entries(connection, query.contact.account, query.contact.id)
    tallies = await read_tallies(connection, query.contact.id)
    lines = _carried(query, carried_counts(tallies, ((each, count) for _, each, count in entries)))
    if view.frames and filters.verdict is None and filters.definition is None:
        lines += _bounded(query, await _sums(connection, query.contact, tallies))
    at, key, first = _LAST_LINES
    return [((at, key, first - place), line) for place, line in enumerate(lines)]


def _carried(query: TimelineQuery, counts: Mapping[int, int]) -> list[Item]:
    """Return the carried points: of groups that are not apart in one line, of the others in one for each."""
    apart = set(query.contact.view.apart)
    points: dict[str | None, int] = {}
    for definition, count in counts.items():
        if query.definitions is None or definition in query.definitions:
            each = query.contact.weighted[definition]
            group = each.group if each.group in apart else None
            points[group] = points.get(group, 0) + each.weight * count
    return [_line(Kind.CARRIED, points[group], group) for group in sorted(points, key=lambda key: key or "")]


async def _sums(
    connection: Connection, contact: ScoredContact, tallies: Mapping[int, int]
) -> Mapping[int, int]:
    """Return the sums of a contact's groups."""
    numbers = {group.key: group.id for group in contact.view.groups}
    sums: Counter[int] = Counter()
    for definition, count in tallies.items():
        each = contact.weighted[definition]
        sums[numbers[each.group]] += each.weight * count
    for row in await read_adjustments(connection, contact):
        sums[row["group_id"]] += row["points"]
    return sums


def _bounded(query: TimelineQuery, sums: Mapping[int, int]) -> list[Item]:
    """Return what bounds add to the sums of groups, and of overall."""
    view = query.contact.view
    overall = overall_sum(view.frames, sums)
    added: list[tuple[str | None, int]] = [
        (group.key, view.frame(group.id).shown(sums.get(group.id, 0)) - sums.get(group.id, 0))
        for group in view.groups
        if query.groups is None or group.id in query.groups
    ]
    if query.groups is None:
        added.append((None, view.frame(OVERALL).shown(overall) - overall))
    return [_line(Kind.BOUNDED, points, group) for group, points in added if points]


def _line(kind: Kind, points: int, group: str | None) -> Item:
    return {"kind": kind, "at": None, "points": points, "group": group, **_NO_EVENT}


def encode_position(position: TimelinePosition) -> list[Any]:
    """Return a position as JSON values for a cursor."""
    at, key, number = position
    return [(at - _EPOCH) // timedelta(microseconds=1), key.hex(), number]


def decode_position(position: Sequence[Any]) -> TimelinePosition:
    """Return the position from the JSON values of a cursor."""
    at, key, number = position
    return _EPOCH + timedelta(microseconds=at), bytes.fromhex(key), number
