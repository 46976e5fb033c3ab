"""Who enters and leaves segments by a publish: the part of a preview's statement that tells it.

Owns that part. Never runs it; publishing/preview.py does, over some contacts at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from consumer.infra.clock import SystemClock
from consumer.scoring.segments.member_sql import Parameters, member_condition

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.scoring.segments.repository import AccountIds, Segment

_CONTACT, _POINTS = "in_move.contact_id", "in_move.points"


@dataclass(frozen=True, slots=True)
class CrossingSql:
    """SQL to be added to a union of those who cross ranges, its parameters, and the segments in it, numbered."""

    keys: list[str]
    text: str
    values: list[Any]


def segment_crossings(
    there: AccountIds,
    account: int,
    profile: int,
    segments: Sequence[Segment],
    *,
    number: int,
    first: int,
) -> CrossingSql:
    """Return what tells who crosses segments about a profile's scores; nobody enters or leaves others by a publish.

    there: what the account has. number: the first segment's. first: of its parameters.
    """
    keys: list[str] = []
    text = ""
    parameters = Parameters(first)
    now = SystemClock().now()
    for each in segments:
        given = there.given(account, each.profile, now)
        if given.profile != profile:
            continue
        part = parameters.fill(
            "crossing",
            {"number": number + len(keys)},
            before=member_condition(each.match, given, parameters, contact=_CONTACT),
            after=member_condition(each.match, given, parameters, contact=_CONTACT, moved=_POINTS),
        )
        text += f"union all\n{part}\n"
        keys.append(each.key)
    return CrossingSql(keys, text, parameters.values)
