"""How scores have changed over the last days, under the profile versions that readers see.

Like the history of a score: by whole entries that count, each at the time of its event, and by adjustments.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from consumer.infra.clock import SystemClock
from consumer.web.api.contacts.schemas import RecentChanges, ScoreChange
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from consumer.infra.postgres.connection import Connection
    from consumer.web.api.contacts.profile_view import GroupView

_RECENT_POINTS = queries("contacts")["recent_points"]
_MONTH, _WEEK = timedelta(days=30), timedelta(days=7)


async def read_changes(
    connection: Connection,
    account: int,
    contacts: Sequence[int],
    versions: Mapping[int, int],
    groups: Iterable[GroupView],
) -> Mapping[tuple[int, int], RecentChanges]:
    """Return the changes by contact and profile; versions: the version to read by profile."""
    now = SystemClock().now()
    rows = await connection.fetch(
        _RECENT_POINTS, account, contacts, [*versions], [*versions.values()], now - _MONTH, now - _WEEK
    )
    by_owner: defaultdict[tuple[int, int], list[Any]] = defaultdict(list)
    for row in rows:
        by_owner[row["contact_id"], row["profile_id"]].append(row)
    keys = {group.id: group.key for group in groups}
    return {
        (contact, profile): RecentChanges(
            days_7=_change(by_owner[contact, profile], "since_second", keys),
            days_30=_change(by_owner[contact, profile], "since_first", keys),
        )
        for contact in contacts
        for profile in versions
    }


def _change(rows: Iterable[Any], since: str, keys: Mapping[int, str]) -> ScoreChange:
    groups = {keys[row["group_id"]]: row[since] for row in rows if row[since]}
    return ScoreChange(overall=sum(groups.values()), groups=groups)
