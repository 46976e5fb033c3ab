"""`audit`: the audit trail of an account, newest first."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import Response

from consumer.web.http import cursors
from consumer.web.http.auth import Manager
from consumer.web.http.cursors import Cursor, Limit, Page
from consumer.web.http.database import Database
from sql import queries

router = APIRouter(prefix="/v1/accounts/{account}", tags=["audit"])


class AuditEntry(BaseModel, use_attribute_docstrings=True):
    """One change."""

    id: int
    """The number of the entry."""
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

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    key: str | None
    before: msgspec.Raw
    after: msgspec.Raw


@router.get("/audit", response_model=Page[AuditEntry])
async def list_changes(
    caller: Manager, database: Database, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """List the changes of the account's configuration and who made them, newest first."""
    context = ("audit", caller.account.id)
    (before,) = cursors.decode(context, cursor) or (cursors.NEWEST,)
    async with database.connection() as connection:
        rows = await connection.fetch(queries("audit")["audit_page"], caller.account.id, before, limit + 1)
    entries = [
        _StoredEntry(**{**row, "before": _json(row["before"]), "after": _json(row["after"])}) for row in rows
    ]
    page = cursors.page(
        entries, limit, context, lambda entry: [entry.id], engagement=caller.account.engagement
    )
    return Response(msgspec.json.encode(dict(page)), media_type="application/json")


def _json(text: str | None) -> msgspec.Raw:
    return msgspec.Raw((text or "null").encode())
