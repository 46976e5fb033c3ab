"""Request and response models of frames: bounds and bands of overall and of groups, and groups apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, Field, StrictBool, StrictInt

from consumer.catalog.document.parse_frames import MOST_BANDS, MOST_SHOWN
from consumer.web.http.request_types import BandKey, Body

if TYPE_CHECKING:
    from consumer.domain.frame import Frame

Shown = Annotated[StrictInt, Field(ge=-MOST_SHOWN, le=MOST_SHOWN)]


class NewBand(Body):
    """A band: a named range of shown points, from `min` to the next one."""

    key: BandKey
    """The key."""
    min: Shown | None = None
    """The least points of the band; null for the first one, which has no lower end."""


class NewOverallFrame(Body):
    """Bounds and bands of overall points."""

    floor: Annotated[StrictInt, Field(ge=-MOST_SHOWN, le=0)] | None = None
    """The least points that are shown; null: not bounded."""
    cap: Annotated[StrictInt, Field(ge=0, le=MOST_SHOWN)] | None = None
    """The most points that are shown; null: not bounded."""
    bands: Annotated[list[NewBand], Field(max_length=MOST_BANDS)] = Field(default_factory=list)
    """None, or 2 to 10 bands with rising `min`, each above the floor and not above the cap."""


class NewGroupFrame(NewOverallFrame):
    """Bounds and bands of a group, and whether it is apart."""

    apart: StrictBool = False
    """Whether the group is no part of overall."""


class BandAnswer(BaseModel, use_attribute_docstrings=True):
    """A band: a named range of shown points, from `min` to the next one."""

    key: str
    """The key."""
    min: int | None
    """The least points of the band; null for the first one, which has no lower end."""


class OverallFrame(BaseModel, use_attribute_docstrings=True):
    """Bounds and bands of overall points."""

    floor: int | None
    """The least points that are shown; null: not bounded."""
    cap: int | None
    """The most points that are shown; null: not bounded."""
    bands: list[BandAnswer]
    """The bands from the lowest to the highest; none: overall has no bands."""


class GroupFrame(OverallFrame):
    """Bounds and bands of a group, and whether it is apart."""

    apart: bool
    """Whether the group is no part of overall."""


def overall_answer(frame: Frame) -> OverallFrame:
    """Return the response model of the frame of overall."""
    return OverallFrame(floor=frame.floor, cap=frame.cap, bands=_bands(frame))


def group_answer(frame: Frame) -> GroupFrame:
    """Return the response model of the frame of a group."""
    return GroupFrame(floor=frame.floor, cap=frame.cap, bands=_bands(frame), apart=frame.apart)


def _bands(frame: Frame) -> list[BandAnswer]:
    return [BandAnswer(key=band.key, min=band.least) for band in frame.bands]
