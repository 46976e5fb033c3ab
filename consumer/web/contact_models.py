"""What contacts and their scores look like over HTTP, and reading them by number.

Owns the shapes. Never decides which contacts are shown.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from consumer.web.views import points_by_group
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.db import Connection
    from consumer.web.views import View

_SHOWN = queries("contacts")["shown"]


class ContactScores(BaseModel):
    """A contact with its scores under one profile. groups: points by key, which add up to overall."""

    id: str
    name: str | None
    owner: str | None
    overall: int
    groups: dict[str, int]


async def scores_of(connection: Connection, shown: View, numbers: Sequence[int]) -> list[ContactScores]:
    """Return contacts by number, in the order given."""
    rows = await connection.fetch(_SHOWN, numbers, shown.id, shown.version)
    return [_scores(shown, row) for row in rows]


def _scores(shown: View, row: Any) -> ContactScores:
    fields = json.loads(row["fields"] or "{}")
    overall, by_group = points_by_group(shown.groups, row["points"])
    return ContactScores(
        id=row["external_id"],
        name=fields.get("name"),
        owner=fields.get("owner"),
        overall=overall,
        groups=by_group,
    )
