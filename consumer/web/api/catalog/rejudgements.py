"""`rejudgements`: preview, start, follow and cancel rejudging a definition's history by its newest dedup policy."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, StrictBool
from starlette.responses import Response, StreamingResponse

from consumer.scoring.rejudgement import REJUDGEMENTS, requests
from consumer.scoring.rejudgement.preview import preview
from consumer.web.api import job_answers
from consumer.web.api.job_answers import JobAnswer
from consumer.web.http.api_route import ApiRoute
from consumer.web.http.auth import Manager, Reader
from consumer.web.http.cursors import Cursor, Limit, Page
from consumer.web.http.database import Database
from consumer.web.http.ndjson_response import StreamLine, stream_responses, stream_work
from consumer.web.http.outward_ids import REJUDGEMENT
from consumer.web.http.request_types import Body
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.infra.postgres.connection import Connection
    from consumer.scoring.rejudgement import RejudgementStatus

router = APIRouter(prefix="/v1/accounts/{account}", tags=["definitions"], route_class=ApiRoute)


RejudgementId = Annotated[int, REJUDGEMENT]


class RejudgementRequest(Body):
    """How to rejudge."""

    xp: StrictBool = False
    """Whether reps gain and lose XP by it; if not, XP messages already published stay valid."""


class RejudgementAnswer(JobAnswer, use_attribute_docstrings=True):
    """The state and progress of a rejudgement."""

    id: RejudgementId
    """The id of the rejudgement."""
    edition: int
    """The edition that it judges by: the newest one at its start."""
    xp: bool
    """Whether reps gain and lose XP by it."""
    state: Literal["running", "done", "cancelled", "superseded"]
    """`superseded`: the policy changed again before the end; contacts already processed keep their new verdicts."""
    changed: int
    """Timeline entries whose verdict changed."""


class CountMover(BaseModel, use_attribute_docstrings=True):
    """A contact, and how often the definition counts for it before and after."""

    contact: str
    """The contact's id."""
    before: int
    """How often the definition counts now."""
    after: int
    """How often it would count."""


class RejudgementPreview(BaseModel, use_attribute_docstrings=True):
    """What a rejudgement would change."""

    edition: int
    """The edition that it would judge by: the newest one."""
    contacts: int
    """Contacts that were looked at: all of the account."""
    changed: int
    """Contacts with any change."""
    counting: int
    """Timeline entries that would count and do not now."""
    ceasing: int
    """Timeline entries that count now and would not."""
    xp_given: int
    """XP that reps would gain, if the request has `xp`."""
    xp_taken: int
    """XP that reps would lose, if the request has `xp`."""
    movers: list[CountMover]
    """The contacts whose count changes most."""


class RejudgementLine(StreamLine):
    """A line of the stream, with one of three members. The last line has `preview`, or `problem` if it failed."""

    preview: RejudgementPreview | None = None
    """The result; in the last line."""


@router.post(
    "/definitions/{definition}/rejudgements/preview",
    response_class=Response,
    responses=stream_responses(RejudgementLine),
)
async def preview_rejudgement(
    caller: Manager, database: Database, definition: str, body: RejudgementRequest
) -> StreamingResponse:
    """Preview what rejudging a definition's history would change for all contacts; nothing is written.

    The response is a stream of lines: progress, then the result. Closing the connection cancels it.
    """

    async def work(report: Callable[[int, int], None]) -> RejudgementPreview:
        async with database.preview() as connection:
            result = await preview(
                connection, caller.account.key, definition, with_xp=body.xp, progress=report
            )
        return RejudgementPreview.model_validate(asdict(result))

    return await stream_work(work, "preview")


@router.post("/definitions/{definition}/rejudgements", status_code=202)
async def begin_rejudgement(
    caller: Manager, database: Database, definition: str, body: RejudgementRequest, response: Response
) -> RejudgementAnswer:
    """Start rejudging a definition's history; `Location` is the address of its progress.

    A worker processes contact after contact. Points of entries that are no longer on a timeline stay.
    """
    account = caller.account.key
    rejudgement = await database.change(
        lambda connection: requests.begin(connection, account, definition, with_xp=body.xp, by=caller.actor)
    )
    async with database.connection() as connection:
        status = await requests.status(connection, rejudgement)
    response.headers["Location"] = (
        f"/v1/accounts/{account}/definitions/{definition}/rejudgements/{REJUDGEMENT.write(rejudgement)}"
    )
    return _answer(status)


@router.get("/definitions/{definition}/rejudgements")
async def list_rejudgements(
    caller: Reader, database: Database, definition: str, limit: Limit = 50, cursor: Cursor = None
) -> Page[RejudgementAnswer]:
    """List the rejudgements of a definition, newest first."""
    async with database.connection() as connection:
        ids = await requests.find_definition(connection, caller.account.key, definition)
        return await job_answers.read_page(
            *(connection, queries("rejudgement")["page"], ids["definition_id"], RejudgementAnswer),
            caller=caller,
            context=("rejudgements", caller.account.id, definition),
            limit=limit,
            cursor=cursor,
        )


@router.get("/definitions/{definition}/rejudgements/{rejudgement}")
async def read_rejudgement(
    caller: Reader, database: Database, definition: str, rejudgement: RejudgementId
) -> RejudgementAnswer:
    """Return a rejudgement with its progress."""
    async with database.connection() as connection:
        return _answer(await _read_own(connection, rejudgement, caller.account.key, definition))


@router.post("/definitions/{definition}/rejudgements/{rejudgement}/cancel")
async def cancel_rejudgement(
    caller: Manager, database: Database, definition: str, rejudgement: RejudgementId
) -> RejudgementAnswer:
    """Cancel a rejudgement: contacts already processed keep their new verdicts, a new rejudgement does the rest."""

    async def cancel(connection: Connection) -> RejudgementAnswer:
        await _read_own(connection, rejudgement, caller.account.key, definition)
        await requests.cancel(connection, rejudgement, by=caller.actor)
        return _answer(await requests.status(connection, rejudgement))

    return await database.change(cancel)


async def _read_own(
    connection: Connection, rejudgement: int, account: str, definition: str
) -> RejudgementStatus:
    unknown = requests.UnknownRejudgementError
    return await job_answers.read_own(
        connection, REJUDGEMENTS, rejudgement, unknown=unknown, account=account, definition=definition
    )


def _answer(status: RejudgementStatus) -> RejudgementAnswer:
    return job_answers.answer(RejudgementAnswer, status, xp=status.with_xp)
