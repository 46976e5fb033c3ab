"""`distribution`: how many contacts have how many points, in bars of equal width, counted once a minute at most."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

import asyncpg
import structlog
from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.requests import Request

from consumer.infra.clock import SystemClock
from consumer.infra.postgres.connection import fetch_one
from consumer.web.api.contacts.profile_view import read_profile_view
from consumer.web.api.contacts.shown_scores import OVERALL
from consumer.web.api.profiles.bands import COUNT_SECONDS
from consumer.web.api.profiles.profiles import find_profile_id
from consumer.web.http.api_route import ApiRoute
from consumer.web.http.auth import Reader
from consumer.web.http.database import Database
from consumer.web.http.request_types import Key
from consumer.web.http.timestamps import Instant
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from consumer.infra.postgres.connection import Connection
    from consumer.web.api.contacts.profile_view import ProfileView
    from consumer.web.http.database import AccountConnections
    from consumer.web.http.shared_reads import SharedReads

log = structlog.get_logger(__name__)

router = APIRouter(prefix="/v1/accounts/{account}", tags=["profiles"], route_class=ApiRoute)

_SQL = queries("contacts")
MOST_BARS: Final = 24
# Of this part of the contacts at each end the bars need not show where they are: a few would make all bars wide.
_OUTLIERS: Final = 0.005
_EVERY_SUM: Final = (-(2**62), 2**62)


class DistributionBar(BaseModel, use_attribute_docstrings=True):
    """The contacts with points from `min` to `max`, both inclusive."""

    min: int | None
    """The least points; null: the first bar has no lower end."""
    max: int | None
    """The most points; null: the last bar has no upper end."""
    contacts: int
    """How many contacts it has."""


class Distribution(BaseModel, use_attribute_docstrings=True):
    """How many contacts have how many points, of overall or of a group."""

    profile: str
    """The profile's key."""
    version: int
    """The version that readers see."""
    group: str | None
    """The group; null: overall."""
    contacts: int | None
    """All contacts with points, at first 0; of a group once something has counted. Null: not counted in time."""
    bars: list[DistributionBar]
    """At most 24 bars, from the least points up, as wide as each other but for open ends; none: no contacts."""
    counted_at: Instant
    """When they were counted."""
    age_seconds: float
    """Age of the counts, a minute at most."""


@dataclass(frozen=True, slots=True)
class _Counted:
    at: datetime
    bars: list[DistributionBar] | None


@router.get("/profiles/{profile}/distribution")
async def read_distribution(
    caller: Reader,
    database: Database,
    request: Request,
    profile: str,
    group: Annotated[Key | None, Query(description="The group, by key; default: overall.")] = None,
) -> Distribution:
    """Return how many contacts have how many points, in bars; at most a minute old."""
    async with database.connection() as connection:
        await find_profile_id(connection, caller.account.id, profile)
        view = await read_profile_view(connection, caller.account.id, profile)
    number = view.group_id(group, "group") if group else OVERALL
    reads: SharedReads = request.app.state.shared_reads
    read = await reads.get(
        ("distribution", view.id, view.version, number), lambda: _count(database, view, number)
    )
    counted: _Counted = read.value
    return Distribution(
        profile=view.profile,
        version=view.version,
        group=group,
        contacts=None if counted.bars is None else sum(bar.contacts for bar in counted.bars),
        bars=counted.bars or [],
        counted_at=counted.at,
        age_seconds=read.age,
    )


async def _count(database: AccountConnections, view: ProfileView, group: int) -> _Counted:
    at = SystemClock().now()
    try:
        async with database.snapshot(heavy=True) as connection:
            await connection.execute(f"set local statement_timeout = {int(COUNT_SECONDS * 1000)}")
            return _Counted(at, await _bars(connection, view, group))
    except asyncpg.QueryCanceledError:
        log.warning("distribution not counted in time", profile=view.profile)
        return _Counted(at, None)


async def _bars(connection: Connection, view: ProfileView, group: int) -> list[DistributionBar]:
    scores, frame = (view.id, view.version, group), view.frame(group)
    [everyone] = await _in_ranges(connection, view, group, [_EVERY_SUM])
    if everyone == 0:
        return []
    aside = int(everyone * _OUTLIERS)
    ends = await fetch_one(connection, _SQL["ends"], *scores, aside)
    ranges = [*_ranges(*(frame.shown(ends[name]) for name in ("low", "high", "least", "most")))]
    sums = [
        frame.sums(
            _EVERY_SUM[0] if begin is None else begin,
            _EVERY_SUM[1] if end is None else end,
        )
        for begin, end in ranges
    ]
    counts = await _in_ranges(connection, view, group, sums)
    return [
        DistributionBar(min=least, max=most, contacts=count)
        for (least, most), count in zip(ranges, counts, strict=True)
    ]


async def _in_ranges(
    connection: Connection, view: ProfileView, group: int, ranges: list[tuple[int, int]]
) -> list[int]:
    leasts, mosts = zip(*ranges, strict=True)
    rows = await connection.fetch(
        _SQL["in_ranges"], view.id, view.version, [group] * len(ranges), leasts, mosts
    )
    return [row["contacts"] for row in rows]


def _ranges(low: int, high: int, least: int, most: int) -> Iterator[tuple[int | None, int | None]]:
    """Yield the shown points of each bar. low, high: what bars lead from and to. least, most: of all contacts."""
    width = _width(high - low + 1)
    first, last = low // width, high // width
    for number in range(first, last + 1):
        begin = None if number == first and least < number * width else number * width
        end = None if number == last and most >= (number + 1) * width else (number + 1) * width - 1
        yield begin, end


def _width(points: int) -> int:
    """Return the width of bars for so many points: 1, 2 or 5 times a power of ten."""
    # The bars begin at multiples of the width: there may be one more.
    least = max(1, math.ceil(points / (MOST_BARS - 1)))
    power: int = 10 ** (len(str(least)) - 1)
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least)
