"""Read the parts of a contact's score: tallies and weights by definition, and adjustments.

Never reads the stored score: the parts add up to it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from consumer.infra.postgres.connection import fetch_one
from consumer.web.api.contacts.profile_view import VIEW, view_of
from consumer.web.http.problems import not_found
from consumer.web.http.timestamps import FIRST, LAST
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    import asyncpg

    from consumer.infra.postgres.connection import Connection
    from consumer.web.api.contacts.profile_view import ProfileView

_SQL = queries("contact_timeline")

# A position in the order of a timeline: (instant, event key, id of the definition or adjustment). Event keys have
# 16 bytes; the key of adjustments sorts above all of them.
TimelinePosition = tuple["datetime", bytes, int]
ADJUSTMENT_KEY = b"\xff" * 17
NEWEST: TimelinePosition = (LAST, b"", 0)
_ALL = 2**31 - 1


@dataclass(frozen=True, slots=True)
class WeightedDefinition:
    """A definition with its weight and group (by key, and in the database) under one version of a profile."""

    id: int
    key: str
    name: str
    icon: str
    weight: int
    group: str
    group_id: int


@dataclass(frozen=True, slots=True)
class ScoredContact:
    """A contact under a profile. account, id: in the database. weighted: definitions by id, in display order.

    is_adjusted: whether it has adjustments.
    """

    account: int
    id: int
    external_id: str
    is_adjusted: bool
    view: ProfileView
    weighted: dict[int, WeightedDefinition]


async def read_scored_contact(
    connection: Connection, account: int, contact: str, profile: str | None, version: int | None = None
) -> ScoredContact:
    """Return a contact, of a joined one the survivor, under a profile, by default the primary one.

    version: one that readers see or saw; None: the one that they see. Raises ProblemError: 404 if there is no such
    contact or version, and what `read_profile_view` raises.
    """
    row = await fetch_one(connection, VIEW, account, profile, contact, True, version)
    if row["contact_id"] is None:
        raise not_found(f"contact {contact}")
    view = view_of(row, profile, version=version)
    return ScoredContact(
        account, row["contact_id"], row["external_id"], row["is_adjusted"], view, _weighted(row, view)
    )


async def read_weighted_view(
    connection: Connection, account: int, profile: str | None
) -> tuple[ProfileView, dict[int, WeightedDefinition]]:
    """Return the view of a profile as `read_profile_view` does, and the definitions by id, in display order."""
    row = await fetch_one(connection, VIEW, account, profile, None, True, None)
    view = view_of(row, profile)
    return view, _weighted(row, view)


def _weighted(row: asyncpg.Record, view: ProfileView) -> dict[int, WeightedDefinition]:
    groups = {group.id: group.key for group in view.groups}
    return {
        number: WeightedDefinition(number, key, name, icon, weight, groups[group], group)
        for number, key, name, icon, weight, group in msgspec.json.decode(row["definitions"] or "[]")
    }


async def read_tallies(connection: Connection, contact: int) -> Counter[int]:
    """Return how often each definition, by id, has counted for a contact."""
    rows = await connection.fetch(_SQL["tallies"], contact)
    return Counter({row["definition_id"]: row["count"] for row in rows if row["count"]})


async def read_counted_entries(
    connection: Connection, account: int, contact: int
) -> list[tuple[datetime, int, int]]:
    """Return (quarter of an hour, definition id, number of counted entries) of a timeline, in no order."""
    rows = await connection.fetch(_SQL["counted"], account, contact)
    return [(row["quarter"], row["definition_id"], row["count"]) for row in rows]


async def read_counted_before(
    connection: Connection, account: int, contact: int, at: datetime
) -> list[tuple[int, int, int]]:
    """Return (definition id, number of counted entries of a timeline, number of those before an instant)."""
    rows = await connection.fetch(_SQL["counted_before"], account, contact, at)
    return [(row["definition_id"], row["count"], row["before"]) for row in rows]


def carried_counts(tallied: Counter[int], entries: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Return how often each definition has counted by entries that are no longer on the timeline.

    entries: definitions, and how many counted entries they have on it.
    """
    left = tallied.copy()
    for definition, count in entries:
        left[definition] -= count
    return {definition: count for definition, count in left.items() if count}


async def read_adjustments(
    connection: Connection,
    contact: ScoredContact,
    *,
    before: TimelinePosition = NEWEST,
    since: datetime = FIRST,
    groups: Sequence[int] | None = None,
    limit: int = _ALL,
) -> list[asyncpg.Record]:
    """Return the adjustments of a contact under a profile, newest first."""
    if not contact.is_adjusted:
        return []
    return await connection.fetch(
        _SQL["adjustments"], contact.id, contact.view.id, *before, since, groups, ADJUSTMENT_KEY, limit
    )
