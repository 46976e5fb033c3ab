"""A contact's score in the past, and under any version: at an instant, and by day (semantics 5.36 to 5.39).

Never reads the stored score: it is added up from today's entries and adjustments.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from consumer.web.api.contacts.score_parts import (
    NEWEST,
    carried_counts,
    read_adjustments,
    read_counted_before,
    read_counted_entries,
    read_tallies,
)
from consumer.web.api.contacts.shown_scores import OVERALL, overall_sum, shown_scores
from consumer.web.http.timestamps import LAST, Instant

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from consumer.infra.postgres.connection import Connection
    from consumer.web.api.contacts.profile_view import ProfileView
    from consumer.web.api.contacts.score_parts import ScoredContact
    from consumer.web.api.contacts.shown_scores import GroupView


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


class PastScore(ScoreThen):
    """A contact's score at an instant, under a version, computed from its timeline with today's verdicts."""

    id: str
    """The contact's id; of a joined one, the survivor's."""
    profile: str
    """The profile's key."""
    version: int
    """The version that was asked for, or else the one that readers see."""
    at: Instant | None
    """The instant that was asked for: what is dated before it is part of the score; null: all of it is."""
    apart: list[str]
    """The keys of the groups that are no part of overall."""
    carried: Sums
    """Points of counted events that are no longer on the timeline; part of the score, before bounds."""


class History(BaseModel, use_attribute_docstrings=True):
    """A contact's score by day under a version, computed from its timeline with today's verdicts."""

    id: str
    """The contact's id; of a joined one, the survivor's."""
    profile: str
    """The profile's key."""
    version: int
    """The version that was asked for, or else the one that readers see."""
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


async def score_at(connection: Connection, contact: ScoredContact, at: datetime | None) -> PastScore:
    """Return the score of what is dated before an instant; None: of everything."""
    view = contact.view
    counted = await read_counted_before(connection, contact.account, contact.id, at or LAST)
    tallies = await read_tallies(connection, contact.id)
    carried = _points(contact, carried_counts(tallies, ((each, count) for each, count, _ in counted)).items())
    sums = _points(contact, ((each, before) for each, _, before in counted))
    for row in await read_adjustments(connection, contact, before=(at, b"", 0) if at else NEWEST):
        sums[row["group_id"]] += row["points"]
    sums.update(carried)
    groups = _listed(view, sums)
    return PastScore(
        **_shown(view, groups, sums),
        id=contact.external_id,
        profile=view.profile,
        version=view.version,
        at=at,
        apart=view.apart,
        carried=_sums(view, groups, carried),
    )


async def history(connection: Connection, contact: ScoredContact, *, since: date, until: date) -> History:
    """Return the score by day, from `since` to `until`, both inclusive."""
    view = contact.view
    entries = await read_counted_entries(connection, contact.account, contact.id)
    zone = ZoneInfo(view.time_zone)
    steps: defaultdict[date, Counter[int]] = defaultdict(Counter)
    for at, definition, times in entries:
        steps[at.astimezone(zone).date()].update(_points(contact, [(definition, times)]))
    for row in await read_adjustments(connection, contact):
        steps[row["created_at"].astimezone(zone).date()][row["group_id"]] += row["points"]
    tallies = await read_tallies(connection, contact.id)
    running = _points(contact, carried_counts(tallies, ((each, count) for _, each, count in entries)).items())
    groups = _listed(view, {*running, *(group for step in steps.values() for group in step)})
    carried = _sums(view, groups, running)
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


def _points(contact: ScoredContact, counts: Iterable[tuple[int, int]]) -> Counter[int]:
    """Return points by group. counts: how often definitions have counted."""
    points: Counter[int] = Counter()
    for definition, times in counts:
        each = contact.weighted[definition]
        points[each.group_id] += times * each.weight
    return points


def _listed(view: ProfileView, used: Collection[int]) -> list[GroupView]:
    """Return the groups of the catalog, and those deleted ones that are used."""
    return [group for group in view.groups if not group.deleted or group.id in used]


def _sums(view: ProfileView, groups: Sequence[GroupView], points: Mapping[int, int]) -> Sums:
    return Sums(
        overall=sum(points.get(group.id, 0) for group in groups if not view.frame(group.id).apart),
        groups={group.key: points.get(group.id, 0) for group in groups},
    )


def _shown(view: ProfileView, groups: Sequence[GroupView], sums: Mapping[int, int]) -> dict[str, Any]:
    return shown_scores(
        groups, view.frames, {**sums, OVERALL: overall_sum(view.frames, sums)}, all_groups=True
    )
