"""`publishes`: a profile's draft made what readers see, history included: begun, watched, cancelled.

The work itself is a worker's (consumer/worker/background_jobs.py): what is begun here ends wherever one runs.
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
from consumer.web.api.profiles.profiles import profile_number
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
    """How far a publish has come."""

    id: int
    version: int
    """The number of the version that it makes."""
    previous_version: int | None
    """What readers see until the flip, null: nothing."""
    state: Literal["building", "announcing", "done", "cancelling", "cancelled"]
    """From `building` to `announcing`, when readers see the version and whom it changed is told, to `done`."""
    requested_by: str
    requested_at: datetime
    flipped_at: datetime | None
    """Since when readers see the version, null: not yet."""
    ended_at: datetime | None
    done: int
    """Contacts gone through, in the state that it is in."""
    total: int | None
    """Of how many; null before the first."""


@router.post("/profiles/{profile}/publishes", status_code=202)
async def begin_publish(
    caller: Manager, database: Database, profile: str, response: Response, if_match: IfMatch = None
) -> PublishAnswer:
    """Begin to publish a profile's draft over history; `Location` says where to see how far it is.

    A worker does the work. Until the flip every reader sees the version before, then everybody the new one.
    """
    async with database.connection() as connection:
        number = await profile_publish.begin(
            connection,
            caller.account.key,
            profile,
            by=caller.actor,
            check=lambda drafted: etags.require_match(if_match, etags.profile_revision(drafted)),
        )
        status = await profile_publish.status(connection, number)
    response.headers["Location"] = f"/v1/accounts/{caller.account.key}/profiles/{profile}/publishes/{number}"
    return _answer(status)


@router.get("/profiles/{profile}/publishes")
async def list_publishes(
    caller: Reader, database: Database, profile: str, limit: Limit = 50, cursor: Cursor = None
) -> Page[PublishAnswer]:
    """List the publishes of a profile, newest first; the first is the one under way, where one is."""
    context = ("publishes", caller.account.id, profile)
    (before,) = cursors.decode(context, cursor) or (cursors.NEWEST,)
    async with database.connection() as connection:
        number = await profile_number(connection, caller.account.id, profile)
        rows = await connection.fetch(queries("profiles")["publishes_page"], number, before, limit + 1)
    items = [PublishAnswer(**row) for row in rows]
    return cursors.page(
        items, limit, context, lambda answer: [answer.id], engagement=caller.account.engagement
    )


@router.get("/profiles/{profile}/publishes/{publish}")
async def read_publish(caller: Reader, database: Database, profile: str, publish: PublishId) -> PublishAnswer:
    """Say how far a publish has come."""
    async with database.connection() as connection:
        status = await profile_publish.status(connection, publish)
    return _answer(_require_own(status, caller.account.key, profile))


@router.post("/profiles/{profile}/publishes/{publish}/cancel")
async def cancel_publish(
    caller: Manager, database: Database, profile: str, publish: PublishId
) -> PublishAnswer:
    """Give a publish up before readers see its version; later it is a conflict that says how to go back."""
    async with database.connection() as connection:
        _require_own(await profile_publish.status(connection, publish), caller.account.key, profile)
        await profile_publish.cancel(connection, publish, by=caller.actor)
        status = await profile_publish.status(connection, publish)
    return _answer(status)


def _require_own(status: PublishStatus, account: str, profile: str) -> PublishStatus:
    """Return the publish, as if there were none where it is another account's or profile's."""
    if (status.account, status.profile) != (account, profile):
        raise profile_publish.UnknownPublishError(f"there is no publish {status.id}")
    return status


def _answer(status: PublishStatus) -> PublishAnswer:
    return PublishAnswer(**{name: getattr(status, name) for name in _COLUMNS})
