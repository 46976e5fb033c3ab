"""`preview`: what publishing a profile's draft would change, told while it is found out; nothing is written.

Over a million contacts that takes half a minute, so the answer is a stream of lines (NDJSON): how far it is, and
the result last. There is nothing to poll and nothing left behind: it ends with the connection, and an account has
one at most.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

from fastapi import APIRouter
from pydantic import BaseModel, Field, StrictInt, model_validator
from starlette.responses import Response, StreamingResponse

from consumer.catalog import repository
from consumer.scoring.profile_publish.preview import PublishEffects, ScoreRange, preview
from consumer.scoring.segments.repository import read_segments
from consumer.web.api.profiles.profiles import require_profile
from consumer.web.api.profiles.schemas import Weight, weight_answer
from consumer.web.http.auth import Manager
from consumer.web.http.database import Database
from consumer.web.http.ndjson_response import StreamLine, stream_responses, stream_work
from consumer.web.http.problems import body_fault, invalid
from consumer.web.http.request_body import Body, Key, Text

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.scoring.profile_publish.preview import Crossing, ScoreMover, WeightChange

router = APIRouter(prefix="/v1/accounts/{account}", tags=["profiles"])

_MAX_RANGES = 20
_MAX_BOUND = 10**15

Bound = Annotated[StrictInt, Field(ge=-_MAX_BOUND, le=_MAX_BOUND)] | None


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

    ranges: list[Range] = Field(default_factory=list, max_length=_MAX_RANGES)


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
    """Who enters and leaves a range, by its name, or a segment, by its key: how many, and some of them."""

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
    segments: list[CrossingAnswer]
    """The account's segments about this profile's scores."""
    seconds: float
    """How long publishing may take until readers see it."""


class PreviewLine(StreamLine):
    """A line of the answer: one of the three. The last is a `preview` or, where it came to no end, a `problem`."""

    preview: PreviewAnswer | None = None


@router.post(
    "/profiles/{profile}/preview",
    response_class=Response,
    responses=stream_responses(PreviewLine),
)
async def preview_publish(
    caller: Manager, database: Database, profile: str, body: PreviewRequest
) -> StreamingResponse:
    """Say what publishing a profile's draft would change, over the whole base; nothing is written.

    The answer is a stream of lines: how far it is, at last the result. Closing the connection ends it. An account
    has one at a time, another is a conflict.
    """
    async with database.snapshot() as connection:
        state = await repository.read(connection, caller.account.key)
    require_profile(state, profile)
    faults = [
        body_fault(f"ranges.{index}.group", f"there is no group {each.group}")
        for index, each in enumerate(body.ranges)
        if each.group is not None and each.group not in state.groups
    ]
    if faults:
        raise invalid(*faults)
    ranges = [ScoreRange(each.name, each.group, each.min, each.max) for each in body.ranges]

    async def work(report: Callable[[int, int], None]) -> PreviewAnswer:
        async with database.preview() as connection:
            segments = [each.segment for each in await read_segments(connection, caller.account.id)]
            result = await preview(
                connection, caller.account.key, profile, ranges=ranges, segments=segments, progress=report
            )
        return _answer(result, len(ranges))

    return await stream_work(work, "preview")


def _answer(result: PublishEffects, ranges: int) -> PreviewAnswer:
    """ranges: how many of the crossings are of ranges, which come first."""
    return PreviewAnswer(
        version=result.version,
        contacts=result.contacts,
        changed=result.changed,
        moved=result.moved,
        distribution=[
            Bar(min=each.least, max=each.most, before=each.before, after=each.after) for each in result.bins
        ],
        movers=[*map(_mover, result.movers)],
        ranges=[*map(_crossing, result.crossings[:ranges])],
        segments=[*map(_crossing, result.crossings[ranges:])],
        seconds=result.seconds,
    )


def _mover(mover: ScoreMover) -> MoverAnswer:
    return MoverAnswer(
        contact=mover.contact,
        before=mover.before,
        after=mover.after,
        reasons=[*map(_reason, mover.reasons)],
    )


def _reason(reason: WeightChange) -> MoverReason:
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
