"""`rejudgements`: the history of a definition judged again by its newest rule: previewed, begun, watched, ended.

The work itself is a worker's (consumer/worker/background_jobs.py): what is begun here ends wherever one runs.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, StrictBool
from starlette.responses import Response, StreamingResponse

from consumer.scoring.rejudgement import requests
from consumer.scoring.rejudgement.preview import preview
from consumer.web.http import cursors
from consumer.web.http.auth import Manager, Reader
from consumer.web.http.cursors import Cursor, Limit, Page
from consumer.web.http.database import Database
from consumer.web.http.ndjson_response import StreamLine, stream_responses, stream_work
from consumer.web.http.request_body import Body
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.scoring.rejudgement import RejudgementStatus

router = APIRouter(prefix="/v1/accounts/{account}", tags=["definitions"])

RejudgementId = Annotated[int, Path(ge=1, le=cursors.NEWEST)]


class RejudgementRequest(Body):
    """xp: whether reps gain and lose XP by it; otherwise what they were told stands."""

    xp: StrictBool = False


class RejudgementAnswer(BaseModel, use_attribute_docstrings=True):
    """How far judging a definition's history again has come."""

    id: int
    edition: int
    """The number of the edition that it judges by, the newest when it began."""
    xp: bool
    """Whether reps gain and lose XP by it."""
    state: Literal["running", "done", "cancelled", "superseded"]
    """`superseded`: the rule was changed once more before the end. Whoever was gone through stays as judged."""
    requested_by: str
    requested_at: datetime
    ended_at: datetime | None
    done: int
    """Contacts gone through."""
    total: int | None
    """Of how many; null before the first."""
    changed: int
    """Timeline entries whose verdict is another one now."""


class CountMover(BaseModel):
    """A contact, and how often the definition counts for it before and after."""

    contact: str
    before: int
    after: int


class RejudgementPreview(BaseModel, use_attribute_docstrings=True):
    """What judging again would change."""

    edition: int
    contacts: int
    changed: int
    """Contacts for whom anything changes."""
    counting: int
    """Timeline entries that come to count."""
    ceasing: int
    """Timeline entries that no longer count."""
    xp_given: int
    """What reps would be credited, where that is asked for."""
    xp_taken: int
    """What would be taken back from reps, where that is asked for."""
    movers: list[CountMover]
    """Those whose count changes most."""


class RejudgementLine(StreamLine):
    """A line of the answer: one of the three. The last is a `preview` or, where it came to no end, a `problem`."""

    preview: RejudgementPreview | None = None


@router.post(
    "/definitions/{definition}/rejudgements/preview",
    response_class=Response,
    responses=stream_responses(RejudgementLine),
)
async def preview_rejudgement(
    caller: Manager, database: Database, definition: str, body: RejudgementRequest
) -> StreamingResponse:
    """Say what judging a definition's history again would change, over the whole base; nothing is written.

    The answer is a stream of lines: how far it is, at last the result. Closing the connection ends it.
    """

    async def work(report: Callable[[int, int], None]) -> RejudgementPreview:
        async with database.preview() as connection:
            found = await preview(
                connection, caller.account.key, definition, with_xp=body.xp, progress=report
            )
        return RejudgementPreview.model_validate(asdict(found))

    return await stream_work(work, "preview")


@router.post("/definitions/{definition}/rejudgements", status_code=202)
async def begin_rejudgement(
    caller: Manager, database: Database, definition: str, body: RejudgementRequest, response: Response
) -> RejudgementAnswer:
    """Begin to judge the retained history of a definition again; `Location` says where to see how far it is.

    A worker does the work, contact by contact. Entries that retention has removed keep their points.
    """
    account = caller.account.key
    async with database.connection() as connection:
        number = await requests.begin(connection, account, definition, with_xp=body.xp, by=caller.actor)
        status = await requests.status(connection, number)
    response.headers["Location"] = f"/v1/accounts/{account}/definitions/{definition}/rejudgements/{number}"
    return _answer(status)


@router.get("/definitions/{definition}/rejudgements")
async def list_rejudgements(
    caller: Reader, database: Database, definition: str, limit: Limit = 50, cursor: Cursor = None
) -> Page[RejudgementAnswer]:
    """List how often a definition's history was judged again, newest first."""
    context = ("rejudgements", caller.account.id, definition)
    (before,) = cursors.decode(context, cursor) or (cursors.NEWEST,)
    async with database.connection() as connection:
        about = await requests.find_definition(connection, caller.account.key, definition)
        rows = await connection.fetch(
            queries("rejudgement")["page"], about["definition_id"], before, limit + 1
        )
    items = [RejudgementAnswer(**row) for row in rows]
    return cursors.page(
        items, limit, context, lambda answer: [answer.id], engagement=caller.account.engagement
    )


@router.get("/definitions/{definition}/rejudgements/{rejudgement}")
async def read_rejudgement(
    caller: Reader, database: Database, definition: str, rejudgement: RejudgementId
) -> RejudgementAnswer:
    """Say how far judging again has come."""
    async with database.connection() as connection:
        status = await requests.status(connection, rejudgement)
    return _answer(_require_own(status, caller.account.key, definition))


@router.post("/definitions/{definition}/rejudgements/{rejudgement}/cancel")
async def cancel_rejudgement(
    caller: Manager, database: Database, definition: str, rejudgement: RejudgementId
) -> RejudgementAnswer:
    """Stop it: whoever was gone through stays as judged, the others as they were. Another one would finish it."""
    async with database.connection() as connection:
        _require_own(await requests.status(connection, rejudgement), caller.account.key, definition)
        await requests.cancel(connection, rejudgement, by=caller.actor)
        status = await requests.status(connection, rejudgement)
    return _answer(status)


def _require_own(status: RejudgementStatus, account: str, definition: str) -> RejudgementStatus:
    """Return it, as if there were none where it is another account's or definition's."""
    if (status.account, status.definition) != (account, definition):
        raise requests.UnknownRejudgementError(f"there is no rejudgement {status.id}")
    return status


def _answer(status: RejudgementStatus) -> RejudgementAnswer:
    return RejudgementAnswer.model_validate({**asdict(status), "xp": status.with_xp})
