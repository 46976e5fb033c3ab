"""`audit`: the audit trail of an account, or of one subject, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel
from starlette.responses import Response

from consumer.web.http import cursors
from consumer.web.http.api_route import ApiRoute
from consumer.web.http.auth import Manager
from consumer.web.http.cursors import Cursor, Limit, Page
from consumer.web.http.database import Database
from consumer.web.http.json_response import JsonResponse
from consumer.web.http.outward_ids import ADJUSTMENT, AUDIT_ENTRY, BACKFILL, DEAD_LETTER, REJUDGEMENT
from consumer.web.http.parameter_classes import made_of
from consumer.web.http.problems import invalid, query_fault
from consumer.web.http.timestamps import InstantParam  # noqa: TC001 - FastAPI reads annotations at run time
from sql import queries

if TYPE_CHECKING:
    import asyncpg

    from consumer.infra.postgres.connection import Connection

router = APIRouter(prefix="/v1/accounts/{account}", tags=["audit"], route_class=ApiRoute)

_SQL = queries("audit")
# Entries about these name them by number.
_NUMBERED = {"backfill": BACKFILL, "rejudgement": REJUDGEMENT}


# Entries that one page goes through, however few of them it is about.
_MOST_PASSED = 5000


@dataclass(frozen=True, slots=True)
class AuditParams:
    """Query parameters of the list."""

    subject: Annotated[
        str | None,
        Query(max_length=64, description="Only what was done to this kind of thing, like `definition`."),
    ] = None
    key: Annotated[
        str | None,
        Query(max_length=256, description="Only what was done to the thing with this key; needs `subject`."),
    ] = None
    actor: Annotated[str | None, Query(max_length=256, description="Only what this actor did.")] = None
    since: Annotated[InstantParam | None, Query(description="Only what was done since this instant.")] = None
    until: Annotated[InstantParam | None, Query(description="Only what was done before this instant.")] = None

    @property
    def has_index(self) -> bool:
        """Whether an index has the entries that are asked for."""
        return self.actor is None and self.since is None and self.until is None


AuditParam = Annotated[AuditParams, Depends(made_of(AuditParams))]


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
    caller: Manager, database: Database, params: AuditParam, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """List the changes of the account's configuration and who made them, newest first.

    With `actor`, `since` or `until` a page may be short, even empty, and not the last.
    """
    if params.key is not None and params.subject is None:
        raise invalid(query_fault("key", "needs subject"))
    context = ("audit", caller.account.id, params)
    (before,) = cursors.decode(context, cursor) or (cursors.NEWEST,)
    read = _read if params.has_index else _pass
    async with database.connection() as connection:
        rows, following = await read(connection, caller.account.id, params, before, limit)
    page: dict[str, Any] = {
        "items": [_entry(row) for row in rows],
        "next": None if following is None else cursors.encode(context, [following]),
        "engagement": caller.account.engagement,
    }
    return JsonResponse(page)


async def _read(
    connection: Connection, account_id: int, params: AuditParams, before: int, limit: int
) -> tuple[list[asyncpg.Record], int | None]:
    """Return entries before a number, and the number before which the next page begins; None: there is none."""
    of = () if params.subject is None else (params.subject, params.key)
    statement = _SQL["audit_page_of_subject" if of else "audit_page"]
    rows = await connection.fetch(statement, account_id, before, limit + 1, *of)
    return rows[:limit], rows[limit - 1]["id"] if len(rows) > limit else None


async def _pass(
    connection: Connection, account_id: int, params: AuditParams, before: int, limit: int
) -> tuple[list[asyncpg.Record], int | None]:
    """Return the same where no index has what is asked for: of as many entries as one page goes through."""
    rows = await connection.fetch(
        _SQL["audit_page_passed"],
        *(account_id, before, _MOST_PASSED),
        *(params.actor, params.subject, params.key, params.since, params.until, limit + 1),
    )
    found = [row for row in rows if row["id"] is not None]
    if len(found) > limit:
        return found[:limit], found[limit - 1]["id"]
    return found, rows[0]["last"] if rows[0]["passed"] == _MOST_PASSED else None


def _entry(row: asyncpg.Record) -> _StoredEntry:
    values = {name: row[name] for name in _StoredEntry.__struct_fields__} | {
        "id": AUDIT_ENTRY.write(row["id"])
    }
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
