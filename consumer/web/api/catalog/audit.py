"""`audit`: the audit trail of an account, or of one subject, newest first."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.responses import Response

from consumer.web.http import cursors
from consumer.web.http.api_route import ApiRoute
from consumer.web.http.auth import Manager
from consumer.web.http.cursors import Cursor, Limit, Page
from consumer.web.http.database import Database
from consumer.web.http.json_response import JsonResponse
from consumer.web.http.outward_ids import ADJUSTMENT, AUDIT_ENTRY, BACKFILL, DEAD_LETTER, REJUDGEMENT
from consumer.web.http.problems import invalid, query_fault
from sql import queries

if TYPE_CHECKING:
    import asyncpg

router = APIRouter(prefix="/v1/accounts/{account}", tags=["audit"], route_class=ApiRoute)

# Entries about these name them by number.
_NUMBERED = {"backfill": BACKFILL, "rejudgement": REJUDGEMENT}


Subject = Annotated[
    str | None,
    Query(max_length=64, description="Only what was done to this kind of thing, like `definition`."),
]
SubjectKey = Annotated[
    str | None,
    Query(max_length=256, description="Only what was done to the thing with this key; needs `subject`."),
]


class AuditEntry(BaseModel, use_attribute_docstrings=True):
    """One change."""

    id: Annotated[int, AUDIT_ENTRY]
    """The id of the entry."""
    at: datetime
    """When it was changed."""
    actor: str
    """Who changed it: `sub` of the token, or the name of a command's user."""
    action: str
    """What was done, like `created`, `changed`, `deleted` or `publish_begun`."""
    subject: str
    """What kind of thing it was done to, like `definition`."""
    key: str | None
    """The key of that thing; null: it has none."""
    before: Any
    """The old value; null: there was none."""
    after: Any
    """The new value; null: there is none."""


class _StoredEntry(msgspec.Struct):
    """An entry as stored: the values, which may be those of a thousand weights, are passed on as they are."""

    id: str
    at: datetime
    actor: str
    action: str
    subject: str
    key: str | None
    before: msgspec.Raw
    after: msgspec.Raw


@router.get("/audit", response_model=Page[AuditEntry])
async def list_changes(
    caller: Manager,
    database: Database,
    *,
    subject: Subject = None,
    key: SubjectKey = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """List the changes of the account's configuration and who made them, newest first."""
    if key is not None and subject is None:
        raise invalid(query_fault("key", "needs subject"))
    context = ("audit", caller.account.id, subject, key)
    (before,) = cursors.decode(context, cursor) or (cursors.NEWEST,)
    statement, of = ("audit_page", ()) if subject is None else ("audit_page_of_subject", (subject, key))
    async with database.connection() as connection:
        rows = await connection.fetch(queries("audit")[statement], caller.account.id, before, limit + 1, *of)
    page = cursors.page(
        list(rows), limit, context, lambda row: [row["id"]], engagement=caller.account.engagement
    )
    items = [_entry(row) for row in page.items]
    return JsonResponse({**dict(page), "items": items})


def _entry(row: asyncpg.Record) -> _StoredEntry:
    values = dict(row) | {"id": AUDIT_ENTRY.write(row["id"])}
    if row["subject"] in _NUMBERED and row["key"].isdecimal():
        values["key"] = _NUMBERED[row["subject"]].write(int(row["key"]))
    has_numbers = row["action"] in {"judged_again", "adjusted"} or row["subject"] == "dead_letters"
    for name in ("before", "after"):
        text = row[name] or "null"
        values[name] = msgspec.Raw(_with_ids(text) if has_numbers else text.encode())
    return _StoredEntry(**values)


def _with_ids(text: str) -> bytes:
    """Return a small value with ids in the place of numbers, which it has as the trail is written."""
    value = msgspec.json.decode(text)
    if isinstance(value, dict):
        if "number" in value:
            value["number"] = REJUDGEMENT.write(value["number"])
        if "undoes" in value:
            value["undoes"] = ADJUSTMENT.write(value["undoes"])
            value["client_key"] = f"undo:{value['undoes']}"
        if "ids" in value:
            value["ids"] = [*map(DEAD_LETTER.write, value["ids"])]
    return msgspec.json.encode(value)
