"""`purges`: what an account's retention period has removed, and what another one would."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, StrictStr
from starlette.responses import Response, StreamingResponse

from consumer.catalog import repository
from consumer.catalog.repository import SETTINGS
from consumer.scoring import retention
from consumer.web.api import job_answers
from consumer.web.api.catalog.edit import with_settings
from consumer.web.api.job_answers import JobAnswer
from consumer.web.http.api_route import ApiRoute
from consumer.web.http.auth import Operator, Reader
from consumer.web.http.cursors import Cursor, Limit, Page
from consumer.web.http.database import Database
from consumer.web.http.ndjson_response import StreamLine, stream_responses, stream_work
from consumer.web.http.outward_ids import PURGE
from consumer.web.http.request_types import Body
from consumer.web.http.timestamps import Instant
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Callable

router = APIRouter(prefix="/v1/accounts/{account}", tags=["accounts"], route_class=ApiRoute)


class RetentionRequest(Body):
    """The retention period to try."""

    retention: StrictStr
    """A period like `365d`."""


class PurgePreview(BaseModel, use_attribute_docstrings=True):
    """What a retention period would remove at once."""

    horizon: Instant
    """What is dated before would go."""
    entries: int
    """Timeline entries; the counted ones among them that dedup still needs would stay without payload."""
    contacts: int
    """Contacts that have such entries. Their scores stay as they are."""


class PurgeLine(StreamLine):
    """A line of the stream, with one of three members. The last line has `preview`, or `problem` if it failed."""

    preview: PurgePreview | None = None
    """The result; in the last line."""


class PurgeAnswer(JobAnswer, use_attribute_docstrings=True):
    """A purge: the removal of what is older than the account keeps it."""

    id: Annotated[int, PURGE]
    """The id of the purge."""
    state: Literal["running", "done", "cancelled"]
    """`cancelled`: the account keeps its entries for longer by now; what was removed until then is gone."""
    horizon: Instant
    """What is dated before goes."""
    purged: int
    """Entries that have lost their payload; most have gone, some dedup still needs."""


@router.post("/purges/preview", response_class=Response, responses=stream_responses(PurgeLine))
async def preview_purge(caller: Operator, database: Database, body: RetentionRequest) -> StreamingResponse:
    """Preview what a retention period would remove; nothing is written.

    The response is a stream of lines: progress, then the result. Closing the connection cancels it.
    """
    async with database.snapshot() as connection:
        state = await repository.read(connection, caller.account.key, SETTINGS, with_rest=True)
    settings = with_settings(state, body.provided()).settings
    # A period, since the body has one.
    seconds = (settings and settings.retention_seconds) or 0

    async def work(report: Callable[[int, int], None]) -> PurgePreview:
        async with database.preview() as connection:
            result = await retention.preview(
                connection, caller.account.id, timedelta(seconds=seconds), progress=report
            )
        return PurgePreview.model_validate(asdict(result))

    return await stream_work(work, "preview")


@router.get("/purges")
async def list_purges(
    caller: Reader, database: Database, limit: Limit = 50, cursor: Cursor = None
) -> Page[PurgeAnswer]:
    """List the account's purges with their progress, newest first."""
    async with database.connection() as connection:
        return await job_answers.read_page(
            *(connection, queries("retention")["page"], caller.account.id, PurgeAnswer),
            caller=caller,
            context=("purges", caller.account.id),
            limit=limit,
            cursor=cursor,
        )
