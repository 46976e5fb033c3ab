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
from consumer.catalog.model import profile_versions
from consumer.catalog.model.named_bands import bands_lacking, segments_by_band
from consumer.catalog.repository import Scope
from consumer.scoring.profile_publish.preview import PublishEffects, lock_previews, preview
from consumer.scoring.profile_publish.preview_comparison import ScoreRange
from consumer.scoring.segments.repository import read_segments
from consumer.web.api.profiles.profiles import require_profile, require_seen
from consumer.web.api.profiles.schemas import Weight, profile_revision, weight_answer
from consumer.web.http.api_route import ApiRoute
from consumer.web.http.auth import Manager
from consumer.web.http.database import Database
from consumer.web.http.etags import OptionalIfMatch
from consumer.web.http.ndjson_response import StreamLine, stream_responses, stream_work
from consumer.web.http.problems import body_fault, invalid
from consumer.web.http.request_types import Body, Key, Text

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.catalog.model.account import AccountCatalog
    from consumer.domain.frame import Frame
    from consumer.scoring.profile_publish.preview import Bin, Crossing, ScoreMover, WeightChange

router = APIRouter(prefix="/v1/accounts/{account}", tags=["profiles"], route_class=ApiRoute)

_MAX_RANGES = 20
_MAX_BOUND = 10**15

Bound = Annotated[StrictInt, Field(ge=-_MAX_BOUND, le=_MAX_BOUND)] | None


class Range(Body):
    """A range of scores, overall or of a group."""

    name: Text
    """A name of your own, repeated in the result."""
    group: Key | None = None
    """The group whose points are meant; null: the overall score."""
    min: Bound = None
    """Least points, inclusive; null: no bound."""
    max: Bound = None
    """Most points, inclusive; null: no bound."""

    @model_validator(mode="after")
    def _has_numbers(self) -> Self:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min must not be greater than max")
        return self


class PreviewRequest(Body):
    """Ranges whose entering and leaving contacts the preview also reports."""

    ranges: list[Range] = Field(default_factory=list, max_length=_MAX_RANGES)
    """The ranges."""


class Bar(BaseModel, use_attribute_docstrings=True):
    """A range of overall scores, and the number of contacts in it before and after."""

    min: int | None
    """Least overall score, inclusive; null: no bound."""
    max: int | None
    """Most overall score, inclusive; null: no bound."""
    before: int
    """Contacts in it now."""
    after: int
    """Contacts in it after a publish."""
    band: str | None
    """The band of the draft that it is in; null: overall has no bands."""


class MoverReason(BaseModel, use_attribute_docstrings=True):
    """A definition that moves a contact."""

    definition: str
    """The definition's key."""
    count: int
    """How often it has counted for the contact."""
    before: Weight | None
    """The weight now; null: none."""
    after: Weight
    """The weight after a publish."""


class MoverAnswer(BaseModel, use_attribute_docstrings=True):
    """A contact whose overall score changes, and the definitions that change it."""

    contact: str
    """The contact's id."""
    before: int
    """The overall score now."""
    after: int
    """The overall score after a publish."""
    reasons: list[MoverReason]
    """The definitions that change it."""


class CrossingAnswer(BaseModel, use_attribute_docstrings=True):
    """Contacts that enter and leave a range (by name) or a segment (by key): counts, and some of the ids."""

    name: str
    """The name of the range, or the key of the segment."""
    entering: int
    """How many contacts enter it."""
    leaving: int
    """How many contacts leave it."""
    enters: list[str]
    """Ids of up to 20 that enter it."""
    leaves: list[str]
    """Ids of up to 20 that leave it."""


class BandCrossingAnswer(CrossingAnswer):
    """Contacts that enter and leave a band of the draft, which has the name."""

    group: str | None
    """The group whose band it is; null: overall."""


class BandInUse(BaseModel, use_attribute_docstrings=True):
    """A band that segments use and the draft does not have."""

    group: str | None
    """The group whose band it is; null: overall."""
    band: str
    """The key of the band."""
    segments: list[str]
    """Keys of the segments that use it."""


class PreviewAnswer(BaseModel, use_attribute_docstrings=True):
    """What a publish would change, compared with what readers see now."""

    revision: str
    """The revision of the profile that this is about; a publish of exactly this names it in `If-Match`."""
    version: int | None
    """The version that readers see now; null: none."""
    contacts: int
    """Contacts of the account."""
    changed: int
    """Contacts whose overall score, or that of any group, changes."""
    moved: int
    """Contacts whose overall score changes."""
    distribution: list[Bar]
    """Contacts by overall score, in ascending ranges."""
    movers: list[MoverAnswer]
    """The contacts whose overall score changes most, largest change first."""
    ranges: list[CrossingAnswer]
    """Contacts that enter and leave each range of the request."""
    segments: list[CrossingAnswer]
    """The account's segments on this profile's scores."""
    bands: list[BandCrossingAnswer]
    """The bands of the draft, those of overall first. Of bands that are new, every contact in it enters."""
    bands_in_use: list[BandInUse]
    """Bands that segments use and the draft does not have: while there are any, a publish is refused."""
    seconds: float
    """Estimated seconds from the start of a publish until readers see it."""


class PreviewLine(StreamLine):
    """A line of the stream, with one of three members. The last line has `preview`, or `problem` if it failed."""

    preview: PreviewAnswer | None = None
    """The result; in the last line."""


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
    profile = catalog.profiles[result.profile]
    draft = profile_versions.draft_version(profile, catalog.definitions)
    in_use = segments_by_band(bands_lacking(catalog, profile, draft))
    return PreviewAnswer(
        revision=profile_revision(profile, catalog),
        version=result.version,
        contacts=result.contacts,
        changed=result.changed,
        moved=result.moved,
        distribution=[
            Bar(
                min=each.least,
                max=each.most,
                before=each.before,
                after=each.after,
                band=_band(profile.overall, each),
            )
            for each in result.bins
        ],
        movers=[*map(_mover, result.movers)],
        ranges=[*map(_crossing, result.crossings[:ranges])],
        segments=[*map(_crossing, result.crossings[ranges:])],
        bands=[
            BandCrossingAnswer(**_crossing(each.crossing).model_dump(), group=each.group)
            for each in result.bands
        ],
        bands_in_use=[
            BandInUse(group=group, band=band, segments=segments) for (group, band), segments in in_use.items()
        ],
        seconds=result.seconds,
    )


def _band(overall: Frame, bar: Bin) -> str | None:
    """Return the band of a bar; each threshold begins one. The lowest bar has no least points."""
    if bar.least is None:
        return overall.bands[0].key if overall.bands else None
    return overall.band(bar.least)


def _mover(mover: ScoreMover) -> MoverAnswer:
    return MoverAnswer(
        contact=mover.contact,
        before=mover.before,
        after=mover.after,
        reasons=[*map(mover_reason, mover.reasons)],
    )


def mover_reason(reason: WeightChange) -> MoverReason:
    """Return the response model of a definition that moves a contact."""
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
