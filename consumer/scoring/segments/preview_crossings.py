"""Compiles the segments' part of a publish preview: SQL for the contacts that enter or leave them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from consumer.infra.clock import SystemClock
from consumer.scoring.segments.member_sql import Parameters, member_condition

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from consumer.domain.frame import Frame
    from consumer.scoring.segments.repository import AccountIds, Segment

_CONTACT, _POINTS = "in_move.contact_id", "in_move.points"


@dataclass(frozen=True, slots=True)
class CrossingSql:
    """SQL that continues the union of range crossings, its parameters, and the keys of the segments, in order."""

    keys: list[str]
    text: str
    values: list[Any]


def segment_crossings(
    ids: AccountIds,
    account: int,
    profile: int,
    segments: Sequence[Segment],
    *,
    number: int,
    first_parameter: int,
    frames: tuple[Mapping[int, Frame], Mapping[int, Frame]],
) -> CrossingSql:
    """Return the SQL for the segments on a profile's scores; a publish does not change the members of others.

    number: of the first segment. first_parameter: number of its first parameter. frames: by group, before and
    after.
    """
    before, after = frames
    keys: list[str] = []
    text = ""
    parameters = Parameters(first_parameter)
    now = SystemClock().now()
    for each in segments:
        context = ids.match_context(account, each.profile, now)
        if context.profile != profile:
            continue
        part = parameters.fill(
            "crossing",
            {"number": number + len(keys)},
            before=member_condition(
                each.match, replace(context, frames=before), parameters, contact=_CONTACT
            ),
            after=member_condition(
                each.match, replace(context, frames=after), parameters, contact=_CONTACT, moved=_POINTS
            ),
        )
        text += f"union all\n{part}\n"
        keys.append(each.key)
    return CrossingSql(keys, text, parameters.values)
