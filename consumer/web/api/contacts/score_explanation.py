"""Explain a contact's score by its parts, and compute its history by day.

Never reads the stored score: the parts add up to it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from consumer.web.api.contacts.schemas import AdjustmentId
from consumer.web.api.contacts.score_parts import (
    carried_counts,
    read_adjustments,
    read_counted_entries,
    read_tallies,
)
from consumer.web.http.timestamps import Instant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.infra.postgres.connection import Connection
    from consumer.web.api.contacts.score_parts import ScoredContact


class DefinitionLine(BaseModel, use_attribute_docstrings=True):
    """How often a definition has counted, and its points: count × weight."""

    definition: str
    """The definition's key."""
    name: str
    """The definition's name."""
    count: int
    """How often it has counted."""
    weight: int
    """Points for each time."""
    points: int
    """`count` × `weight`."""


class AdjustmentLine(BaseModel, use_attribute_docstrings=True):
    """Points that people gave or took."""

    id: AdjustmentId
    """The id of the adjustment."""
    at: Instant
    """When it was made."""
    points: int
    """The points, negative if taken."""
    reason: str
    """Why, as its author wrote."""
    author: str
    """Who gave or took them: `sub` of the token."""


class GroupLines(BaseModel, use_attribute_docstrings=True):
    """The points of a group."""

    group: str
    """The group's key."""
    name: str
    """The group's name."""
    points: int
    """The sum of all its lines."""
    definitions: list[DefinitionLine]
    """Lines of definitions that have counted, in display order."""
    adjustments: list[AdjustmentLine]
    """Lines of adjustments, newest first."""


class Explanation(BaseModel, use_attribute_docstrings=True):
    """The parts of a contact's score."""

    id: str
    """The contact's id; of a joined one, the survivor's."""
    profile: str
    """The profile's key."""
    version: int
    """The version that readers see."""
    overall: int
    """The sum of the groups."""
    groups: list[GroupLines]
    """The groups, in display order."""


class Sums(BaseModel, use_attribute_docstrings=True):
    """Points by group, and their sum."""

    overall: int
    """The sum of the groups."""
    groups: dict[str, int]
    """Points by group key."""


class Day(Sums):
    """The score at the end of a day."""

    day: date
    """The day in the account's time zone."""


class History(BaseModel, use_attribute_docstrings=True):
    """A contact's score by day, computed from its timeline with today's weights and verdicts."""

    id: str
    """The contact's id; of a joined one, the survivor's."""
    profile: str
    """The profile's key."""
    version: int
    """The version that readers see."""
    time_zone: str
    """The account's time zone, in which days begin."""
    carried: Sums
    """Points of counted events that are no longer on the timeline; part of every value."""
    before: Sums
    """The score before the first day."""
    days: list[Day]
    """The days on which the score changed. The last one has the current score, unless `until` cuts it off."""


async def explain(connection: Connection, contact: ScoredContact) -> Explanation:
    """Return the parts of a contact's score."""
    view = contact.view
    tallies = await read_tallies(connection, contact.id)
    lines: defaultdict[str, list[DefinitionLine]] = defaultdict(list)
    for number, each in contact.weighted.items():
        if count := tallies[number]:
            line = DefinitionLine(
                definition=each.key,
                name=each.name,
                count=count,
                weight=each.weight,
                points=count * each.weight,
            )
            lines[each.group].append(line)
    adjustment_lines: defaultdict[str, list[AdjustmentLine]] = defaultdict(list)
    for row in await read_adjustments(connection, contact):
        adjustment_lines[view.group_key(row["group_id"])].append(AdjustmentLine(**row, at=row["created_at"]))
    groups = [
        GroupLines(
            group=group.key,
            name=group.name,
            points=sum(line.points for line in lines[group.key])
            + sum(each.points for each in adjustment_lines[group.key]),
            definitions=lines[group.key],
            adjustments=adjustment_lines[group.key],
        )
        for group in view.groups
        if not group.deleted or lines[group.key] or adjustment_lines[group.key]
    ]
    return Explanation(
        id=contact.external_id,
        profile=view.profile,
        version=view.version,
        overall=sum(group.points for group in groups),
        groups=groups,
    )


async def history(connection: Connection, contact: ScoredContact, *, since: date, until: date) -> History:
    """Return the score by day, from `since` to `until`, both inclusive."""
    view, weighted = contact.view, contact.weighted
    entries = await read_counted_entries(connection, contact.account, contact.id)
    zone = ZoneInfo(view.time_zone)
    steps: defaultdict[date, Counter[str]] = defaultdict(Counter)
    for at, definition, times in entries:
        each = weighted[definition]
        steps[at.astimezone(zone).date()][each.group] += times * each.weight
    for row in await read_adjustments(connection, contact):
        group = view.group_key(row["group_id"])
        steps[row["created_at"].astimezone(zone).date()][group] += row["points"]
    running: Counter[str] = Counter()
    for definition, times in carried_counts(await read_tallies(connection, contact.id), entries).items():
        running[weighted[definition].group] += times * weighted[definition].weight
    used = {*running, *(group for step in steps.values() for group in step)}
    groups = [group.key for group in view.groups if not group.deleted or group.key in used]
    carried = before = _sums(groups, running)
    days = []
    for day in sorted(steps):
        running.update(steps[day])
        if day < since:
            before = _sums(groups, running)
        elif day <= until and any(steps[day].values()):
            days.append(Day(day=day, **_sums(groups, running).model_dump()))
    return History(
        id=contact.external_id,
        profile=view.profile,
        version=view.version,
        time_zone=view.time_zone,
        carried=carried,
        before=before,
        days=days,
    )


def _sums(groups: list[str], points: Mapping[str, int]) -> Sums:
    by_group = {group: points.get(group, 0) for group in groups}
    return Sums(overall=sum(by_group.values()), groups=by_group)
