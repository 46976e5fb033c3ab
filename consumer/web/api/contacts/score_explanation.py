"""Explain a contact's score by its parts.

Never reads the stored score: the parts, and what bounds take or give, add up to it.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from pydantic import BaseModel

from consumer.web.api.contacts.schemas import AdjustmentId
from consumer.web.api.contacts.score_parts import read_adjustments, read_tallies
from consumer.web.api.contacts.shown_scores import OVERALL, overall_sum
from consumer.web.http.timestamps import Instant

if TYPE_CHECKING:
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
