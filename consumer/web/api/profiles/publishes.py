"""`publishes`: start, follow and cancel publishing a profile's draft."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter
from starlette.responses import Response

from consumer.scoring import profile_publish
from consumer.scoring.profile_publish import PUBLISHES
from consumer.web.api import job_answers
from consumer.web.api.job_answers import JobAnswer
from consumer.web.api.profiles.profiles import find_profile_id, require_seen
from consumer.web.http.api_route import ApiRoute
from consumer.web.http.auth import Manager, Reader
from consumer.web.http.cursors import Cursor, Limit, Page
from consumer.web.http.database import Database
from consumer.web.http.etags import IfMatch
from consumer.web.http.outward_ids import PUBLISH
from sql import queries

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection
    from consumer.scoring.profile_publish import PublishStatus

router = APIRouter(prefix="/v1/accounts/{account}", tags=["profiles"], route_class=ApiRoute)


PublishId = Annotated[int, PUBLISH]


class PublishAnswer(JobAnswer, use_attribute_docstrings=True):
    """The state and progress of a publish."""

    id: PublishId
    """The id of the publish."""
    version: int
    """The number of the version that it builds."""
    previous_version: int | None
    """The version that readers see until the flip; null: none."""
    state: Literal["building", "announcing", "done", "cancelling", "cancelled"]
    """`building`, then `announcing` (readers see the version, messages are being enqueued), then `done`."""
    flipped_at: datetime | None
    """When readers began to see the version; null: not yet."""


@router.post("/profiles/{profile}/publishes", status_code=202)
async def begin_publish(
    caller: Manager, database: Database, profile: str, response: Response, if_match: IfMatch = None
) -> PublishAnswer:
    """Start publishing a profile's draft, history included; `Location` is the address of its progress.

    `If-Match` names the revision of the profile as it was read, or as a preview gave it: what has changed since is
    not published. A worker does the work. All readers see the previous version until the flip, then the new one.
    """
    publish = await database.change(
        lambda connection: profile_publish.begin(
            connection,
            caller.account.key,
            profile,
            by=caller.actor,
            check=lambda state: require_seen(state, profile, if_match),
        )
    )
    async with database.connection() as connection:
        status = await profile_publish.status(connection, publish)
    where = f"/v1/accounts/{caller.account.key}/profiles/{profile}/publishes"
    response.headers["Location"] = f"{where}/{PUBLISH.write(publish)}"
    return _answer(status)


@router.get("/profiles/{profile}/publishes")
async def list_publishes(
    caller: Reader, database: Database, profile: str, limit: Limit = 50, cursor: Cursor = None
) -> Page[PublishAnswer]:
    """List the publishes of a profile, newest first; a running one is the first."""
    async with database.connection() as connection:
        return await job_answers.read_page(
            connection,
            queries("profile_history")["publishes_page"],
            await find_profile_id(connection, caller.account.id, profile),
            PublishAnswer,
            caller=caller,
            context=("publishes", caller.account.id, profile),
            limit=limit,
            cursor=cursor,
        )


@router.get("/profiles/{profile}/publishes/{publish}")
async def read_publish(caller: Reader, database: Database, profile: str, publish: PublishId) -> PublishAnswer:
    """Return a publish with its progress."""
    async with database.connection() as connection:
        return _answer(await _read_own(connection, publish, caller.account.key, profile))


@router.post("/profiles/{profile}/publishes/{publish}/cancel")
async def cancel_publish(
    caller: Manager, database: Database, profile: str, publish: PublishId
) -> PublishAnswer:
    """Cancel a publish before its flip; afterwards it is a conflict, whose detail says how to go back."""

    async def cancel(connection: Connection) -> PublishAnswer:
        await _read_own(connection, publish, caller.account.key, profile)
        await profile_publish.cancel(connection, publish, by=caller.actor)
        return _answer(await profile_publish.status(connection, publish))

    return await database.change(cancel)


async def _read_own(connection: Connection, publish: int, account: str, profile: str) -> PublishStatus:
    unknown = profile_publish.UnknownPublishError
    return await job_answers.read_own(
        connection, PUBLISHES, publish, unknown=unknown, account=account, profile=profile
    )


def _answer(status: PublishStatus) -> PublishAnswer:
    return job_answers.answer(PublishAnswer, status)
