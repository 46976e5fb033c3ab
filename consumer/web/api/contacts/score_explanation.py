"""Explain a contact's score by its parts, and compute its history by day.

Never reads the stored score: the parts, and what bounds take or give, add up to it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from consumer.web.api.contacts.schemas import AdjustmentId
from consumer.web.api.contacts.score_parts import (
    carried_counts,
    read_adjustments,
    read_counted_entries,
    read_tallies,
)
from consumer.web.api.contacts.shown_scores import OVERALL, overall_sum, shown_scores
from consumer.web.http.timestamps import Instant

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from consumer.infra.postgres.connection import Connection
    from consumer.web.api.contacts.profile_view import ProfileView
    from consumer.web.api.contacts.score_parts import ScoredContact
    from consumer.web.api.contacts.shown_scores import GroupView


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
    """The points of a group, as they are shown."""

    group: str
    """The group's key."""
    name: str
    """The group's name."""
    points: int
    """The sum of all its lines, with `bounded`."""
    band: str | None
    """Its band; null: the group has no bands."""
    apart: bool
    """Whether it is no part of overall."""
    bounded: int
    """What its bounds add to the other lines, negative if they take; 0: nothing lies beyond them."""
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
    """The sum of the groups that are not apart, with `bounded`."""
    band: str | None
    """The band of overall; null: it has no bands."""
    bounded: int
    """What the bounds of overall add to the groups, negative if they take; 0: nothing lies beyond them."""
    groups: list[GroupLines]
    """The groups, in display order."""


class Sums(BaseModel, use_attribute_docstrings=True):
    """Points by group, and their sum; before any bounds."""

    overall: int
    """The sum of the groups that are not apart."""
    groups: dict[str, int]
    """Points by group key."""


class ScoreThen(BaseModel, use_attribute_docstrings=True):
    """A score as it is shown."""

    overall: int
    """The overall score."""
    band: str | None
    """The band of the overall score; null: overall has no bands."""
    groups: dict[str, int]
    """Points by group key."""
    group_bands: dict[str, str]
    """The bands of the groups that have bands, by group key."""


class Day(ScoreThen):
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
    apart: list[str]
    """The keys of the groups that are no part of overall."""
    carried: Sums
    """Points of counted events that are no longer on the timeline; part of every value, before its bounds."""
    before: ScoreThen
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
    listed = [
        group for group in view.groups if not group.deleted or lines[group.key] or adjustment_lines[group.key]
    ]
    sums = {
        group.id: sum(line.points for line in lines[group.key])
        + sum(each.points for each in adjustment_lines[group.key])
        for group in listed
    }
    groups = []
    for group in listed:
        frame = view.frame(group.id)
        shown = frame.shown(sums[group.id])
        groups.append(
            GroupLines(
                group=group.key,
                name=group.name,
                points=shown,
                band=frame.band(shown),
                apart=frame.apart,
                bounded=shown - sums[group.id],
                definitions=lines[group.key],
                adjustments=adjustment_lines[group.key],
            )
        )
    total, frame = overall_sum(view.frames, sums), view.frame(OVERALL)
    overall = frame.shown(total)
    return Explanation(
        id=contact.external_id,
        profile=view.profile,
        version=view.version,
        overall=overall,
        band=frame.band(overall),
        bounded=overall - total,
        groups=groups,
    )


async def history(connection: Connection, contact: ScoredContact, *, since: date, until: date) -> History:
    """Return the score by day, from `since` to `until`, both inclusive."""
    view, weighted = contact.view, contact.weighted
    entries = await read_counted_entries(connection, contact.account, contact.id)
    zone = ZoneInfo(view.time_zone)
    numbers = {group.key: group.id for group in view.groups}
    steps: defaultdict[date, Counter[int]] = defaultdict(Counter)
    for at, definition, times in entries:
        each = weighted[definition]
        steps[at.astimezone(zone).date()][numbers[each.group]] += times * each.weight
    for row in await read_adjustments(connection, contact):
        steps[row["created_at"].astimezone(zone).date()][row["group_id"]] += row["points"]
    running: Counter[int] = Counter()
    for definition, times in carried_counts(await read_tallies(connection, contact.id), entries).items():
        running[numbers[weighted[definition].group]] += times * weighted[definition].weight
    used = {*running, *(group for step in steps.values() for group in step)}
    groups = [group for group in view.groups if not group.deleted or group.id in used]
    carried = Sums(
        overall=sum(points for group, points in running.items() if not view.frame(group).apart),
        groups={group.key: running[group.id] for group in groups},
    )
    before = last = _shown(view, groups, running)
    days = []
    for day in sorted(steps):
        running.update(steps[day])
        shown = _shown(view, groups, running)
        if day < since:
            before = shown
        elif day <= until and shown != last:
            days.append(Day(day=day, **shown))
        last = shown
    return History(
        id=contact.external_id,
        profile=view.profile,
        version=view.version,
        time_zone=view.time_zone,
        apart=view.apart,
        carried=carried,
        before=ScoreThen(**before),
        days=days,
    )


def _shown(view: ProfileView, groups: Sequence[GroupView], sums: Mapping[int, int]) -> dict[str, Any]:
    return shown_scores(
        groups, view.frames, {**sums, OVERALL: overall_sum(view.frames, sums)}, all_groups=True
    )
