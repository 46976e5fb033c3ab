"""`preview`: what publishing a profile's draft would change, told while it is found out; nothing is written.

Over a million contacts that takes half a minute, so the answer is a stream of lines (NDJSON): how far it is, and
the result last. There is nothing to poll and nothing left behind: it ends with the connection, and an account has
one at most.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Self

from fastapi import APIRouter
from pydantic import BaseModel, Field, StrictInt, model_validator
from starlette.responses import Response, StreamingResponse

from consumer.catalog import stored
from consumer.publishing.preview import Preview, ScoreRange, preview
from consumer.web.auth import Manager
from consumer.web.bodies import Body, Key, Text
from consumer.web.database import Database
from consumer.web.problems import ProblemDetails, body_fault, details, invalid, of
from consumer.web.profile_models import Weight, weight_answer
from consumer.web.routes.profiles import found

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Receive, Scope, Send

    from consumer.publishing.preview import Crossing, Mover, Reason

router = APIRouter(prefix="/v1/accounts/{account}", tags=["profiles"])

_LINES = "application/x-ndjson"
# Seconds from line to line; what takes less is answered with the result alone, or with a problem as everywhere.
_EVERY = 0.5
_MOST_RANGES = 20
_FARTHEST = 10**15

Bound = Annotated[StrictInt, Field(ge=-_FARTHEST, le=_FARTHEST)] | None


class Range(Body):
    """A range of scores that is asked about: overall, or of a group. min, max: both inclusive, null for none."""

    name: Text
    group: Key | None = None
    min: Bound = None
    max: Bound = None

    @model_validator(mode="after")
    def _has_numbers(self) -> Self:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min must not be more than max")
        return self


class PreviewRequest(Body):
    """What is to be told beside everything else: who enters and who leaves these ranges."""

    ranges: list[Range] = Field(default_factory=list, max_length=_MOST_RANGES)


class Progress(BaseModel):
    """Contacts gone through, of how many; null before they are counted."""

    done: int
    total: int | None


class Bar(BaseModel):
    """How many contacts have an overall score from `min` to `max`, before and after; null: without end."""

    min: int | None
    max: int | None
    before: int
    after: int


class MoverReason(BaseModel):
    """A definition that moves a contact: how often it counted, for what before (null: nothing) and after."""

    definition: str
    count: int
    before: Weight | None
    after: Weight


class MoverAnswer(BaseModel):
    """A contact whose overall score moves, and by which definitions."""

    contact: str
    before: int
    after: int
    reasons: list[MoverReason]


class CrossingAnswer(BaseModel):
    """Who enters and leaves a range: how many, and some of them."""

    name: str
    entering: int
    leaving: int
    enters: list[str]
    leaves: list[str]


class PreviewAnswer(BaseModel, use_attribute_docstrings=True):
    """What a publish would change, against what readers see now."""

    version: int | None
    """What readers see now, null: nothing."""
    contacts: int
    changed: int
    """Contacts whose overall score, or that of any group, changes."""
    moved: int
    """Contacts whose overall score changes."""
    distribution: list[Bar]
    movers: list[MoverAnswer]
    """Those who move most, the farthest first."""
    ranges: list[CrossingAnswer]
    seconds: float
    """How long publishing may take until readers see it."""


class PreviewLine(BaseModel, use_attribute_docstrings=True):
    """A line of the answer: one of the three. The last is a `preview` or, where it came to no end, a `problem`."""

    progress: Progress | None = None
    preview: PreviewAnswer | None = None
    problem: ProblemDetails | None = None


@router.post(
    "/profiles/{profile}/preview",
    response_class=Response,
    responses={
        200: {
            "description": f"Lines, each a PreviewLine, twice a second (`{_LINES}`).",
            "model": PreviewLine,
            "content": {_LINES: {"schema": {"type": "string"}}},
        }
    },
)
async def preview_publish(
    caller: Manager, database: Database, profile: str, body: PreviewRequest
) -> StreamingResponse:
    """Say what publishing a profile's draft would change, over the whole base; nothing is written.

    The answer is a stream of lines: how far it is, at last the result. Closing the connection ends it. An account
    has one at a time, another is a conflict.
    """
    async with database.snapshot() as connection:
        state = await stored.read(connection, caller.account.key)
    found(state, profile)
    faults = [
        body_fault(f"ranges.{place}.group", f"there is no group {each.group}")
        for place, each in enumerate(body.ranges)
        if each.group is not None and each.group not in state.groups
    ]
    if faults:
        raise invalid(*faults)
    ranges = [ScoreRange(each.name, each.group, each.min, each.max) for each in body.ranges]
    lines = _Lines()

    async def work() -> Preview:
        async with database.preview() as connection:
            return await preview(connection, caller.account.key, profile, ranges=ranges, progress=lines.tell)

    return await lines.of(asyncio.create_task(work()))


class _Lines:
    """The lines about a preview. Its progress is kept, not sent: a slow reader must not hold its transaction up."""

    def __init__(self) -> None:
        self._progress = Progress(done=0, total=None)

    def tell(self, done: int, total: int) -> None:
        """Take how far it is."""
        self._progress = Progress(done=done, total=total)

    async def of(self, task: asyncio.Task[Preview]) -> StreamingResponse:
        """Return the answer; raises what kept the preview from beginning."""
        try:
            await asyncio.wait([task], timeout=_EVERY)
            if task.done():
                task.result()
        except BaseException:
            task.cancel()
            raise
        return _EndsWithConnection(task, self._lines(task))

    async def _lines(self, task: asyncio.Task[Preview]) -> AsyncIterator[str]:
        while not task.done():
            yield _line(PreviewLine(progress=self._progress))
            await asyncio.wait([task], timeout=_EVERY)
        try:
            last = PreviewLine(preview=_answer(task.result()))
        except Exception as error:  # noqa: BLE001 - `of` raises what nobody foresaw
            last = PreviewLine(problem=details(of(error)))
        yield _line(last)


class _EndsWithConnection(StreamingResponse):
    """An answer whose task is ended with it, also when whoever asked goes away before it has begun."""

    def __init__(self, task: asyncio.Task[Preview], lines: AsyncIterator[str]) -> None:
        # Proxies that gather answers before they pass them on would hide how far it is.
        super().__init__(lines, media_type=_LINES, headers={"X-Accel-Buffering": "no"})
        self._task = task

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._task.cancel()


def _line(line: PreviewLine) -> str:
    return line.model_dump_json(exclude_unset=True) + "\n"


def _answer(made: Preview) -> PreviewAnswer:
    return PreviewAnswer(
        version=made.version,
        contacts=made.contacts,
        changed=made.changed,
        moved=made.moved,
        distribution=[
            Bar(min=each.least, max=each.most, before=each.before, after=each.after) for each in made.bins
        ],
        movers=[*map(_mover, made.movers)],
        ranges=[*map(_crossing, made.crossings)],
        seconds=made.seconds,
    )


def _mover(mover: Mover) -> MoverAnswer:
    return MoverAnswer(
        contact=mover.contact,
        before=mover.before,
        after=mover.after,
        reasons=[*map(_reason, mover.reasons)],
    )


def _reason(reason: Reason) -> MoverReason:
    return MoverReason(
        definition=reason.definition,
        count=reason.count,
        before=weight_answer(reason.before) if reason.before else None,
        after=weight_answer(reason.after),
    )


def _crossing(crossing: Crossing) -> CrossingAnswer:
    return CrossingAnswer(
        name=crossing.name,
        entering=crossing.entering,
        leaving=crossing.leaving,
        enters=crossing.enters,
        leaves=crossing.leaves,
    )
