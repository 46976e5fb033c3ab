"""Look up the scores of up to 200 contacts by id: the request of a list that shows a score beside each name.

It is made to be cheap. Rows are turned into JSON as they come, without a model for each of them; a test holds the
answer against the model that documents it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from consumer.web.api.contacts.contact_reads import scores_of
from consumer.web.api.contacts.profile_view import view_of
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import asyncpg

    from consumer.infra.postgres.connection import Connection
    from consumer.web.api.contacts.profile_view import ProfileView
    from consumer.web.api.contacts.schemas import RecentChanges

_LOOKED_UP = queries("contacts")["looked_up"]


async def read_rows(
    connection: Connection, account: int, profile: str | None, contacts: Sequence[str]
) -> tuple[ProfileView, list[asyncpg.Record]]:
    """Return the view of a profile, by default of the primary one, and a row for each id, in the order given.

    A row's `id` is null where there is no such contact. Raises ProblemError as `read_profile_view` does.
    """
    rows = await connection.fetch(_LOOKED_UP, account, contacts, profile)
    return view_of(msgspec.json.decode(rows[0]["view"]) if rows else {"id": None}, profile, part="body"), rows


def answer(
    view: ProfileView,
    contacts: Sequence[str],
    rows: Sequence[asyncpg.Record],
    changes: Mapping[tuple[int, int], RecentChanges],
) -> dict[str, Any]:
    """Return the answer in the shape of LookupAnswer, as JSON values."""
    items = [
        {"asked": asked, "contact": None if row["id"] is None else scores_of(view, row, changes)}
        for asked, row in zip(contacts, rows, strict=True)
    ]
    return {
        "profile": view.profile,
        "version": view.version,
        "apart": view.apart,
        "items": items,
        "unknown": [item["asked"] for item in items if item["contact"] is None],
    }
