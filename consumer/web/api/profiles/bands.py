"""`bands`: how many contacts are in each band of a profile, counted once a minute at most by each process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import asyncpg
import structlog
from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request

from consumer.infra.clock import SystemClock
from consumer.web.api.contacts.profile_view import read_profile_view
from consumer.web.api.contacts.shown_scores import OVERALL
from consumer.web.api.profiles.profiles import find_profile_id
from consumer.web.http.api_route import ApiRoute
from consumer.web.http.auth import Reader
from consumer.web.http.database import Database
from consumer.web.http.timestamps import Instant
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from consumer.domain.frame import Band, Frame
    from consumer.web.api.contacts.profile_view import ProfileView
    from consumer.web.http.database import AccountConnections
    from consumer.web.http.shared_reads import SharedReads

log = structlog.get_logger(__name__)

router = APIRouter(prefix="/v1/accounts/{account}", tags=["profiles"], route_class=ApiRoute)

_COUNT = queries("contacts")["in_ranges"]
# How long a count may take.
COUNT_SECONDS = 10.0
_EVERY_SUM = (-(2**62), 2**62)


class BandMembers(BaseModel, use_attribute_docstrings=True):
    """A band, and how many contacts are in it."""

    group: str | None
    """The group whose band it is; null: overall."""
    band: str
    """The key of the band."""
    min: int | None
    """The least points of the band; null for the first one, which has no lower end."""
    contacts: int | None
    """How many contacts are in it; null if they could not be counted in time."""


class BandCounts(BaseModel, use_attribute_docstrings=True):
    """How many contacts are in each band of a profile's version."""

    profile: str
    """The profile's key."""
    version: int
    """The version that readers see."""
    bands: list[BandMembers]
    """The bands from the lowest to the highest, those of overall first; none: the version has no bands."""
    counted_at: Instant
    """When they were counted."""
    age_seconds: float
    """Age of the counts, a minute at most."""


@dataclass(frozen=True, slots=True)
class _Counted:
    """Numbers of contacts by group (0: overall) and band; None: they were not counted in time."""

    at: datetime
    contacts: Mapping[tuple[int, str], int] | None


@router.get("/profiles/{profile}/bands")
async def count_bands(caller: Reader, database: Database, request: Request, profile: str) -> BandCounts:
    """Return how many contacts are in each band, of overall and of groups with bands; at most a minute old."""
    async with database.connection() as connection:
        await find_profile_id(connection, caller.account.id, profile)
        view = await read_profile_view(connection, caller.account.id, profile)
    reads: SharedReads = request.app.state.shared_reads
    # A version has the same frames for ever.
    read = await reads.get(("bands", view.id, view.version), lambda: _count(database, view))
    counted: _Counted = read.value
    return BandCounts(
        profile=view.profile,
        version=view.version,
        bands=[
            BandMembers(
                group=view.group_key(group) if group else None,
                band=band.key,
                min=band.least,
                contacts=None if counted.contacts is None else counted.contacts[group, band.key],
            )
            for group, frame in _with_bands(view)
            for band in frame.bands
        ],
        counted_at=counted.at,
        age_seconds=read.age,
    )


def _with_bands(view: ProfileView) -> list[tuple[int, Frame]]:
    """Return the frames with bands, by number of the group: of overall, then of the groups in display order."""
    numbers = [OVERALL, *(group.id for group in view.groups)]
    return [(number, view.frame(number)) for number in numbers if view.frame(number).bands]


async def _count(database: AccountConnections, view: ProfileView) -> _Counted:
    axes, at = _with_bands(view), SystemClock().now()
    if not axes:
        return _Counted(at, {})
    ranges = [(group, band.key, _sums(frame, band)) for group, frame in axes for band in frame.bands]
    if not view.frame(OVERALL).bands:
        ranges.append((OVERALL, "", _EVERY_SUM))
    try:
        async with database.snapshot(heavy=True) as connection:
            await connection.execute(f"set local statement_timeout = {int(COUNT_SECONDS * 1000)}")
            groups, leasts, mosts = zip(*((group, *sums) for group, _, sums in ranges), strict=True)
            rows = await connection.fetch(_COUNT, view.id, view.version, groups, leasts, mosts)
    except asyncpg.QueryCanceledError:
        log.warning("bands not counted in time", profile=view.profile)
        return _Counted(at, None)
    contacts: dict[tuple[int, str], int] = {
        (group, key): row["contacts"] for (group, key, _), row in zip(ranges, rows, strict=True)
    }
    # Every contact ever seen has points of overall, at first 0; of a group, once something has counted in it.
    everyone = sum(number for (group, _), number in contacts.items() if group == OVERALL)
    for group, frame in axes:
        known = sum(contacts[group, band.key] for band in frame.bands)
        contacts[group, str(frame.band(0))] += everyone - known
    return _Counted(at, contacts)


def _sums(frame: Frame, band: Band) -> tuple[int, int]:
    shown: Any = frame.band_range(band.key)
    return frame.sums(*shown)
