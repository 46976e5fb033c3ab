"""Look up the scores of up to 200 contacts by id: the request of a list that shows a score beside each name.

It is made to be cheap. Rows are turned into JSON as they come, without a model for each of them; a test holds the
answer against the model that documents it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from consumer.web.api.contacts.profile_view import view_of
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import asyncpg

    from consumer.infra.postgres.connection import Connection
    from consumer.web.api.contacts.profile_view import GroupView, ProfileView
    from consumer.web.api.contacts.schemas import RecentChanges

_LOOKED_UP = queries("contacts")["looked_up"]


async def read_rows(
    connection: Connection, account: int, profile: str | None, contacts: Sequence[str]
) -> tuple[ProfileView, list[asyncpg.Record]]:
    """Return the view of a profile, by default of the primary one, and a row for each id, in the order given.

    A row's `id` is null where there is no such contact. Raises ProblemError as `read_profile_view` does.
    """
    rows = await connection.fetch(_LOOKED_UP, account, contacts, profile)
    return view_of(msgspec.json.decode(rows[0]["view"]) if rows else None, profile, part="body"), rows


def answer(
    view: ProfileView,
    contacts: Sequence[str],
    rows: Sequence[asyncpg.Record],
    changes: Mapping[tuple[int, int], RecentChanges],
) -> dict[str, Any]:
    """Return the answer in the shape of LookupAnswer, as JSON values."""
    items = [
        {"asked": asked, "contact": None if row["id"] is None else _contact(view, row, changes)}
        for asked, row in zip(contacts, rows, strict=True)
    ]
    return {
        "profile": view.profile,
        "version": view.version,
        "items": items,
        "unknown": [item["asked"] for item in items if item["contact"] is None],
    }


def _contact(
    view: ProfileView, row: asyncpg.Record, changes: Mapping[tuple[int, int], RecentChanges]
) -> dict[str, Any]:
    change = changes.get((row["id"], view.id))
    return {
        "id": row["external_id"],
        "name": row["name"],
        "owner": row["owner"],
        "overall": row["overall"] or 0,
        "groups": _groups(view.groups, row["group_ids"] or (), row["group_points"] or ()),
        "change": change and change.model_dump(),
    }


def _groups(
    groups: Sequence[GroupView], group_ids: Sequence[int], group_points: Sequence[int]
) -> dict[str, int]:
    """Return the points by key of every group of the catalog, and of deleted ones that have points."""
    points = dict(zip(group_ids, group_points, strict=True))
    return {
        group.key: points.get(group.id, 0) for group in groups if not group.deleted or points.get(group.id)
    }
