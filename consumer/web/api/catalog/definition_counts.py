"""`definition-counts`: how often each definition has counted in the last 30 days, over the whole account.

A small account is counted event by event. Of a large one a part of each hour is counted, as large as needed for
some ten thousand events: the work is bounded, however many events there are. Counts are at most a minute old.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request

from consumer.infra.clock import SystemClock
from consumer.web.http.api_route import ApiRoute
from consumer.web.http.auth import Reader
from consumer.web.http.database import Database
from sql import queries

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection
    from consumer.web.http.database import AccountConnections
    from consumer.web.http.shared_reads import SharedReads

router = APIRouter(prefix="/v1/accounts/{account}", tags=["definitions"], route_class=ApiRoute)

_SQL: Final = queries("definition_counts")
DAYS: Final = 30
# Accounts with so many entries are counted whole. Of larger ones the sample is enlarged until it has as many events
# that have counted.
_WHOLE: Final = 50_000
# Parts of an hour that are tried, in seconds: from 1/4096 to a quarter of it.
_WINDOWS: Final = tuple(3600 / 4**power for power in range(6, 0, -1))
_TIMEOUT: Final = "set local statement_timeout = '10s'"


class DefinitionCount(BaseModel, use_attribute_docstrings=True):
    """How often a definition has counted."""

    definition: str
    """The definition's key."""
    counted: int
    """How many events have counted under it, of all contacts."""


class DefinitionCounts(BaseModel, use_attribute_docstrings=True):
    """How often definitions have counted lately."""

    days: int
    """Events of the last so many times 24 hours are counted, by when they happened."""
    exact: bool
    """Whether all of them were counted; false: they are estimated from a part of each hour."""
    counted_at: datetime
    """When they were counted."""
    age_seconds: float
    """How long ago that was: a minute at most."""
    definitions: list[DefinitionCount]
    """The definitions that have counted at least once, in no order."""


@dataclass(frozen=True, slots=True)
class _Counted:
    at: datetime
    is_exact: bool
    counts: dict[str, int]


async def count(connection: Connection, account: int, now: datetime) -> _Counted:
    """Count the events of an account, by number, up to an instant. Call it in a transaction."""
    since = now - timedelta(days=DAYS)
    await connection.execute(_TIMEOUT)
    entries = await connection.fetchval(_SQL["entries"], account, since, now, _WHOLE + 1)
    if entries <= _WHOLE:
        rows = await connection.fetch(_SQL["counted"], account, since, now)
        return _Counted(now, True, {row["definition"]: row["counted"] for row in rows})
    seconds, counts = 3600.0, dict[str, int]()
    for seconds in _WINDOWS:
        rows = await connection.fetch(_SQL["sampled"], account, since, now, seconds)
        counts = {row["definition"]: row["counted"] for row in rows}
        if sum(counts.values()) >= _WHOLE:
            break
    return _Counted(now, False, {key: round(each * 3600 / seconds) for key, each in counts.items()})


@router.get("/definition-counts")
async def read_definition_counts(caller: Reader, database: Database, request: Request) -> DefinitionCounts:
    """Return how often each definition has counted in the last 30 days; counts are at most a minute old."""
    reads: SharedReads = request.app.state.shared_reads
    account = caller.account.id
    read = await reads.get(("definition-counts", account), lambda: _count(database, account))
    counted: _Counted = read.value
    return DefinitionCounts(
        days=DAYS,
        exact=counted.is_exact,
        counted_at=counted.at,
        age_seconds=read.age,
        definitions=[DefinitionCount(definition=key, counted=times) for key, times in counted.counts.items()],
    )


async def _count(database: AccountConnections, account: int) -> _Counted:
    async with database.snapshot(heavy=True) as connection:
        return await count(connection, account, SystemClock().now())
