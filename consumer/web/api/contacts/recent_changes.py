"""How scores have changed over the last days, under the profile versions that readers see.

Like the history of a score: by whole entries that count, each at the time of its event, and by adjustments.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from consumer.infra.clock import SystemClock
from consumer.web.api.contacts.schemas import RecentChanges, ScoreChange
from consumer.web.api.contacts.shown_scores import OVERALL, shown_sums
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from consumer.contact_state.frames import VersionFrames
    from consumer.infra.postgres.connection import Connection
    from consumer.web.api.contacts.shown_scores import GroupView

_RECENT_POINTS = queries("contacts")["recent_points"]
_MONTH, _WEEK = timedelta(days=30), timedelta(days=7)


@dataclass(frozen=True, slots=True)
class ReadScores:
    """The scores of contacts under a version. sums: of groups by contact, needed where there are frames."""

    version: int
    frames: VersionFrames
    sums: Mapping[int, Mapping[int, int]]


async def read_changes(
    connection: Connection,
    account: int,
    contacts: Sequence[int],
    profiles: Mapping[int, ReadScores],
    groups: Iterable[GroupView],
) -> Mapping[tuple[int, int], RecentChanges]:
    """Return the changes by contact and profile; profiles: their scores as they were read, in the same snapshot."""
    now = SystemClock().now()
    versions = [read.version for read in profiles.values()]
    rows = await connection.fetch(
        _RECENT_POINTS, account, contacts, [*profiles], versions, now - _MONTH, now - _WEEK
    )
    by_owner: defaultdict[tuple[int, int], list[Any]] = defaultdict(list)
    for row in rows:
        by_owner[row["contact_id"], row["profile_id"]].append(row)
    keys = {group.id: group.key for group in groups}
    return {
        (contact, profile): RecentChanges(
            days_7=_change(by_owner[contact, profile], "since_second", keys, read, contact),
            days_30=_change(by_owner[contact, profile], "since_first", keys, read, contact),
        )
        for contact in contacts
        for profile, read in profiles.items()
    }


def _change(
    rows: Iterable[Any], since: str, keys: Mapping[int, str], read: ReadScores, contact: int
) -> ScoreChange:
    steps = {row["group_id"]: row[since] for row in rows if row[since]}
    overall = sum(steps.values())
    if read.frames:
        overall, steps = _shown_change(read, read.sums.get(contact, {}), steps)
    return ScoreChange(overall=overall, groups={keys[group]: step for group, step in steps.items()})


def _shown_change(
    read: ReadScores, sums: Mapping[int, int], steps: Mapping[int, int]
) -> tuple[int, dict[int, int]]:
    """Return how much more is shown now, of overall and of groups, than before these steps of the sums."""
    now = shown_sums(read.frames, sums)
    then = shown_sums(read.frames, {group: points - steps.get(group, 0) for group, points in sums.items()})
    changed = {group: points - then[group] for group, points in now.items() if points != then[group]}
    return changed.pop(OVERALL, 0), changed
