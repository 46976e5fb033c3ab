"""`audit`: the audit trail of an account, newest first."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from consumer.web.http import cursors
from consumer.web.http.auth import Manager
from consumer.web.http.cursors import Cursor, Limit, Page
from consumer.web.http.database import Database
from sql import queries

router = APIRouter(prefix="/v1/accounts/{account}", tags=["audit"])


class AuditEntry(BaseModel):
    """One change. before, after: old and new value; null if there is none."""

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    key: str | None
    before: Any
    after: Any


@router.get("/audit")
async def list_changes(
    caller: Manager, database: Database, limit: Limit = 50, cursor: Cursor = None
) -> Page[AuditEntry]:
    """List the changes of the account's configuration and who made them, newest first."""
    context = ("audit", caller.account.id)
    (before,) = cursors.decode(context, cursor) or (cursors.NEWEST,)
    async with database.connection() as connection:
        rows = await connection.fetch(queries("audit")["audit_page"], caller.account.id, before, limit + 1)
    entries = [
        AuditEntry(**{**row, "before": _value(row["before"]), "after": _value(row["after"])}) for row in rows
    ]
    return cursors.page(
        entries, limit, context, lambda entry: [entry.id], engagement=caller.account.engagement
    )


def _value(text: str | None) -> Any:
    return None if text is None else json.loads(text)
