"""`preview`: compute what publishing a profile's draft would change, writing nothing.

For a million contacts it takes half a minute, so the response streams progress, then the result (NDJSON). Closing
the connection cancels it. An account has at most one at a time.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Self

from fastapi import APIRouter
from pydantic import BaseModel, Field, StrictInt, model_validator
from starlette.responses import Response, StreamingResponse

from consumer.catalog import repository
from consumer.catalog.repository import Scope
from consumer.scoring.profile_publish.preview import PublishEffects, ScoreRange, lock_previews, preview
from consumer.scoring.segments.repository import read_segments
from consumer.web.api.profiles.profiles import require_profile, require_seen
from consumer.web.api.profiles.schemas import Weight, profile_revision, weight_answer
from consumer.web.http.auth import Manager
from consumer.web.http.database import Database
from consumer.web.http.etags import OptionalIfMatch
from consumer.web.http.ndjson_response import StreamLine, stream_responses, stream_work
from consumer.web.http.problems import body_fault, invalid
from consumer.web.http.request_types import Body, Key, Text

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.catalog.model.account import AccountCatalog
    from consumer.scoring.profile_publish.preview import Crossing, ScoreMover, WeightChange

router = APIRouter(prefix="/v1/accounts/{account}", tags=["profiles"])

_MAX_RANGES = 20
_MAX_BOUND = 10**15

Bound = Annotated[StrictInt, Field(ge=-_MAX_BOUND, le=_MAX_BOUND)] | None


class Range(Body):
    """A range of scores, overall or of a group. min, max: inclusive; null: no bound."""

    name: Text
    group: Key | None = None
    min: Bound = None
    max: Bound = None

    @model_validator(mode="after")
    def _has_numbers(self) -> Self:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min must not be greater than max")
        return self


class PreviewRequest(Body):
    """Ranges whose entering and leaving contacts the preview also reports."""

    ranges: list[Range] = Field(default_factory=list, max_length=_MAX_RANGES)


class Bar(BaseModel):
    """The number of contacts with an overall score from `min` to `max`, before and after; null: no bound."""

    min: int | None
    max: int | None
    before: int
    after: int


class MoverReason(BaseModel):
    """A definition that moves a contact: how often it counted, and its weight before (null: none) and after."""

    definition: str
    count: int
    before: Weight | None
    after: Weight


class MoverAnswer(BaseModel):
    """A contact whose overall score changes, and the definitions that change it."""

    contact: str
    before: int
    after: int
    reasons: list[MoverReason]


class CrossingAnswer(BaseModel):
    """Contacts that enter and leave a range (by name) or a segment (by key): counts, and some of the ids."""

    name: str
    entering: int
    leaving: int
    enters: list[str]
    leaves: list[str]


class PreviewAnswer(BaseModel, use_attribute_docstrings=True):
    """What a publish would change, compared with what readers see now."""

    revision: str
    """The revision of the profile that this is about; a publish of exactly this names it in `If-Match`."""
    version: int | None
    """The version that readers see now; null: none."""
    contacts: int
    changed: int
    """Contacts whose overall score, or that of any group, changes."""
    moved: int
    """Contacts whose overall score changes."""
    distribution: list[Bar]
    movers: list[MoverAnswer]
    """The contacts whose overall score changes most, largest change first."""
    ranges: list[CrossingAnswer]
    segments: list[CrossingAnswer]
    """The account's segments on this profile's scores."""
    seconds: float
    """Estimated seconds from the start of a publish until readers see it."""


class PreviewLine(StreamLine):
    """A line of the stream, with one of three members. The last line has `preview`, or `problem` if it failed."""

    preview: PreviewAnswer | None = None


@router.post(
    "/profiles/{profile}/preview",
    response_class=Response,
    responses=stream_responses(PreviewLine),
)
async def preview_publish(
    caller: Manager,
    database: Database,
    profile: str,
    body: PreviewRequest,
    if_match: OptionalIfMatch = None,
) -> StreamingResponse:
    """Preview what publishing a profile's draft would change for all contacts; nothing is written.

    The response is a stream of lines: progress, then the result. Closing the connection cancels it. An account has
    one preview at a time; a second one is a conflict.
    """
    ranges = [ScoreRange(each.name, each.group, each.min, each.max) for each in body.ranges]

    def check(state: AccountCatalog) -> None:
        if if_match is not None:
            require_seen(state, profile, if_match)
        if faults := [
            body_fault(f"ranges.{index}.group", f"there is no group {each.group}")
            for index, each in enumerate(ranges)
            if each.group is not None and each.group not in state.groups
        ]:
            raise invalid(*faults)

    async with database.snapshot() as connection:
        # Refused at once where another one runs, and not when its share of connections is free.
        await lock_previews(connection, caller.account.key)
        state = await repository.read(connection, caller.account.key, Scope(profiles=[profile]))
    require_profile(state, profile)
    await asyncio.to_thread(check, state)

    async def work(report: Callable[[int, int], None]) -> PreviewAnswer:
        async with database.preview() as connection:
            segments = [each.segment for each in await read_segments(connection, caller.account.id)]
            result = await preview(
                connection,
                caller.account.key,
                profile,
                ranges=ranges,
                segments=segments,
                progress=report,
                check=check,
            )
        return await asyncio.to_thread(_answer, result, len(ranges))

    return await stream_work(work, "preview")


def _answer(result: PublishEffects, ranges: int) -> PreviewAnswer:
    """ranges: the number of crossings that belong to ranges; those of segments follow them."""
    catalog = result.catalog
    return PreviewAnswer(
        revision=profile_revision(catalog.profiles[result.profile], catalog),
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
