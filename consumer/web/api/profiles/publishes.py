"""`publishes`: start, follow and cancel publishing a profile's draft.

Workers do the work (consumer/worker/background_jobs.py); these routes only request and report.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel
from starlette.responses import Response

from consumer.scoring import profile_publish
from consumer.scoring.profile_publish import PublishStatus
from consumer.web.api.profiles.profiles import find_profile_id
from consumer.web.http import cursors, etags
from consumer.web.http.auth import Manager, Reader
from consumer.web.http.cursors import Cursor, Limit, Page
from consumer.web.http.database import Database
from consumer.web.http.etags import IfMatch
from sql import queries

router = APIRouter(prefix="/v1/accounts/{account}", tags=["profiles"])

_COLUMNS = [field.name for field in fields(PublishStatus) if field.name not in {"account", "profile"}]

PublishId = Annotated[int, Path(ge=1, le=cursors.NEWEST)]


class PublishAnswer(BaseModel, use_attribute_docstrings=True):
    """The state and progress of a publish."""

    id: int
    version: int
    """The number of the version that it builds."""
    previous_version: int | None
    """The version that readers see until the flip; null: none."""
    state: Literal["building", "announcing", "done", "cancelling", "cancelled"]
    """`building`, then `announcing` (readers see the version, messages are being enqueued), then `done`."""
    requested_by: str
    requested_at: datetime
    flipped_at: datetime | None
    """When readers began to see the version; null: not yet."""
    ended_at: datetime | None
    done: int
    """Contacts processed in the current state."""
    total: int | None
    """Contacts to process in the current state; null until they are counted."""


@router.post("/profiles/{profile}/publishes", status_code=202)
async def begin_publish(
    caller: Manager, database: Database, profile: str, response: Response, if_match: IfMatch = None
) -> PublishAnswer:
    """Start publishing a profile's draft, history included; `Location` is the address of its progress.

    A worker does the work. All readers see the previous version until the flip, and the new one from then on.
    """
    async with database.connection() as connection:
        publish = await profile_publish.begin(
            connection,
            caller.account.key,
            profile,
            by=caller.actor,
            check=lambda drafted: etags.require_match(if_match, etags.profile_revision(drafted)),
        )
        status = await profile_publish.status(connection, publish)
    response.headers["Location"] = f"/v1/accounts/{caller.account.key}/profiles/{profile}/publishes/{publish}"
    return _answer(status)


@router.get("/profiles/{profile}/publishes")
async def list_publishes(
    caller: Reader, database: Database, profile: str, limit: Limit = 50, cursor: Cursor = None
) -> Page[PublishAnswer]:
    """List the publishes of a profile, newest first; a running one is the first."""
    context = ("publishes", caller.account.id, profile)
    (before,) = cursors.decode(context, cursor) or (cursors.NEWEST,)
    async with database.connection() as connection:
        profile_id = await find_profile_id(connection, caller.account.id, profile)
        rows = await connection.fetch(
            queries("profile_history")["publishes_page"], profile_id, before, limit + 1
        )
    items = [PublishAnswer(**row) for row in rows]
    return cursors.page(
        items, limit, context, lambda answer: [answer.id], engagement=caller.account.engagement
    )


@router.get("/profiles/{profile}/publishes/{publish}")
async def read_publish(caller: Reader, database: Database, profile: str, publish: PublishId) -> PublishAnswer:
    """Return a publish with its progress."""
    async with database.connection() as connection:
        status = await profile_publish.status(connection, publish)
    return _answer(_require_own(status, caller.account.key, profile))


@router.post("/profiles/{profile}/publishes/{publish}/cancel")
async def cancel_publish(
    caller: Manager, database: Database, profile: str, publish: PublishId
) -> PublishAnswer:
    """Cancel a publish before its flip; afterwards it is a conflict, whose detail says how to go back."""
    async with database.connection() as connection:
        _require_own(await profile_publish.status(connection, publish), caller.account.key, profile)
        await profile_publish.cancel(connection, publish, by=caller.actor)
        status = await profile_publish.status(connection, publish)
    return _answer(status)


def _require_own(status: PublishStatus, account: str, profile: str) -> PublishStatus:
    """Return the publish; raises UnknownPublishError (404) if it belongs to another account or profile."""
    if (status.account, status.profile) != (account, profile):
        raise profile_publish.UnknownPublishError(f"there is no publish {status.id}")
    return status


def _answer(status: PublishStatus) -> PublishAnswer:
    return PublishAnswer(**{name: getattr(status, name) for name in _COLUMNS})
