"""Read the parts of a contact's score: tallies and weights by definition, and adjustments.

Never reads the stored score: the parts add up to it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
    """A definition with its weight and group key under one version of a profile."""

    id: int
    key: str
    name: str
    icon: str
    weight: int
    group: str


async def read_weighted_definitions(
    connection: Connection, account: int, view: ProfileView
) -> dict[int, WeightedDefinition]:
    """Return an account's definitions by id, in display order."""
    groups = {group.id: group.key for group in view.groups}
    rows = await connection.fetch(_SQL["weights"], account, view.id, view.version)
    return {
        row["id"]: WeightedDefinition(
            row["id"], row["key"], row["name"], row["icon"], row["weight"], groups[row["group_id"]]
        )
        for row in rows
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


def carried_counts(tallied: Counter[int], entries: Iterable[tuple[datetime, int, int]]) -> dict[int, int]:
    """Return how often each definition has counted by entries that are no longer on the timeline."""
    left = tallied.copy()
    for _, definition, count in entries:
        left[definition] -= count
    return {definition: count for definition, count in left.items() if count}


async def read_adjustments(
    connection: Connection,
    contact: int,
    view: ProfileView,
    *,
    before: TimelinePosition = NEWEST,
    since: datetime = FIRST,
    groups: Sequence[int] | None = None,
    limit: int = _ALL,
) -> list[asyncpg.Record]:
    """Return the adjustments of a contact under a profile, newest first."""
    return await connection.fetch(
        _SQL["adjustments"], contact, view.id, *before, since, groups, ADJUSTMENT_KEY, limit
    )
