"""What scores were at each of the last days, under the profile version that readers see: for a line beside a score.

Computed as changes are (recent_changes.py): by today's verdicts and weights, each event at its own time.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from consumer.infra.clock import SystemClock
from consumer.web.api.contacts.schemas import ScoreTrend
from consumer.web.api.contacts.shown_scores import OVERALL, shown_sums
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from consumer.contact_state.frames import VersionFrames
    from consumer.infra.postgres.connection import Connection
    from consumer.web.api.contacts.profile_view import ProfileView

_RECENT_DAYS = queries("contacts")["recent_days"]
DAYS = 7


async def read_trends(
    connection: Connection, account: int, view: ProfileView, sums: Mapping[int, Mapping[int, int]]
) -> dict[int, ScoreTrend]:
    """Return the trend of each contact. sums: by contact and group, as they were read in the same snapshot."""
    now = SystemClock().now()
    since = now - timedelta(days=DAYS)
    rows = await connection.fetch(_RECENT_DAYS, account, [*sums], view.id, view.version, since, now)
    steps: defaultdict[int, list[Any]] = defaultdict(list)
    for row in rows:
        steps[row["contact_id"]].append(row)
    keys = {group.id: group.key for group in view.groups}
    return {contact: _trend(view.frames, keys, sums[contact], steps[contact]) for contact in sums}


def _trend(
    frames: VersionFrames, keys: Mapping[int, str], sums: Mapping[int, int], steps: Sequence[Any]
) -> ScoreTrend:
    if not steps:
        now = shown_sums(frames, sums).get(OVERALL, 0)
        return ScoreTrend(overall=[now] * (DAYS + 1), groups={})
    by_group: defaultdict[int, list[int]] = defaultdict(lambda: [0] * DAYS)
    for step in steps:
        by_group[step["group_id"]][step["days_ago"]] += step["points"]
    # Of each group what came since the end of each day ago, nothing at first.
    since = {group: [0, *accumulate(points)] for group, points in by_group.items()}
    shown = [
        shown_sums(
            frames,
            {
                group: points - (since[group][ago] if group in since else 0)
                for group, points in {**dict.fromkeys(since, 0), **sums}.items()
            },
        )
        for ago in range(DAYS, -1, -1)
    ]
    changed = (group for group in since if group != OVERALL and group in keys)
    return ScoreTrend(
        overall=[each.get(OVERALL, 0) for each in shown],
        groups={keys[group]: [each.get(group, 0) for each in shown] for group in changed},
    )
