"""What a contact's score is made of: times counted × weight by definition, and adjustments.

Owns reading both, and what of it is no longer on the timeline. Never reads a score: what it reads adds up to that.
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

_SQL = queries("timeline")

# Of the order of a timeline: (instant, event key, number of the definition or of the adjustment). An adjustment's
# key is above all event keys, which have 16 bytes.
TimelinePosition = tuple["datetime", bytes, int]
ADJUSTMENT_KEY = b"\xff" * 17
NEWEST: TimelinePosition = (LAST, b"", 0)
_ALL = 2**31 - 1


@dataclass(frozen=True, slots=True)
class WeightedDefinition:
    """A definition by number, and what it counts for, in which group by key, under the version looked at."""

    id: int
    key: str
    name: str
    icon: str
    weight: int
    group: str


async def read_weighted_definitions(
    connection: Connection, account: int, view: ProfileView
) -> dict[int, WeightedDefinition]:
    """Return an account's definitions by number, in display order."""
    groups = {group.id: group.key for group in view.groups}
    rows = await connection.fetch(_SQL["weights"], account, view.id, view.version)
    return {
        row["id"]: WeightedDefinition(
            row["id"], row["key"], row["name"], row["icon"], row["weight"], groups[row["group_id"]]
        )
        for row in rows
    }


async def read_tallies(connection: Connection, contact: int) -> Counter[int]:
    """Return how often each definition, by number, has counted for a contact."""
    rows = await connection.fetch(_SQL["tallies"], contact)
    return Counter({row["definition_id"]: row["count"] for row in rows if row["count"]})


async def read_counted_entries(
    connection: Connection, account: int, contact: int
) -> list[tuple[datetime, int, int]]:
    """Return (quarter of an hour, definition's number, how many of its entries count), in no order."""
    rows = await connection.fetch(_SQL["counted"], account, contact)
    return [(row["quarter"], row["definition_id"], row["count"]) for row in rows]


def carried_counts(tallied: Counter[int], entries: Iterable[tuple[datetime, int, int]]) -> dict[int, int]:
    """Return how often definitions have counted for a contact by entries that are no longer on its timeline."""
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
