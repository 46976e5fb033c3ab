"""Why a definition or a group cannot be deleted, in the words of the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer.scoring.segments.repository import segments_naming
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.catalog.model.account import Definition
    from consumer.infra.postgres.connection import Connection


@dataclass(frozen=True, slots=True)
class GroupUse:
    """What names a group besides its definitions. framing: profiles whose draft has bounds or bands of it."""

    is_adjusted: bool
    segments: list[str]
    framing: list[str]


def of_definition(definition: Definition, segments: Sequence[str]) -> list[str]:
    """Return the reasons against deleting a definition, the first in the way first; timelines are not read."""
    reasons = []
    if definition.counted:
        reasons.append("the definition has counted events and cannot be deleted: deactivate it instead")
    elif definition.active:
        reasons.append("the definition is active: deactivate it first")
    if segments:
        reasons.append(f"segments use the definition, change them first: {', '.join(segments)}")
    return reasons


async def read_group_uses(connection: Connection, account: int, group: str) -> GroupUse:
    """Return what names a group."""
    sql = queries("accounts")
    return GroupUse(
        bool(await connection.fetchval(sql["group_is_adjusted"], account, group)),
        await segments_naming(connection, account, "group", group),
        await connection.fetchval(sql["profiles_framing"], account, group),
    )


def of_group(definitions: Sequence[str], use: GroupUse) -> list[str]:
    """Return the reasons against deleting a group that has these definitions, the first in the way first."""
    reasons = []
    if definitions:
        reasons.append(f"the group has definitions, move them first: {', '.join(definitions)}")
    if use.is_adjusted:
        reasons.append("the group has score adjustments and cannot be deleted")
    if use.segments:
        reasons.append(f"segments use the group, change them first: {', '.join(use.segments)}")
    if use.framing:
        reasons.append(f"profiles name the group in `groups`, change them first: {', '.join(use.framing)}")
    return reasons
