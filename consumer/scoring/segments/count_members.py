"""Counts the members of segments on request, at most once a minute each; of one that is not stored, each time.

The first request claims the count; others get the last count with its age. A count that exceeds the time budget
is given up and not tried again for a minute. No lock is held while counting.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import asyncpg
import structlog

from consumer.infra.postgres.connection import fetch_one
from consumer.scoring.segments import repository
from consumer.scoring.segments.member_sql import Parameters, member_selection
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from consumer.infra.postgres.connection import Connection
    from consumer.scoring.segments.definition import Match
    from consumer.scoring.segments.member_sql import MatchContext
    from consumer.scoring.segments.repository import AccountIds, Segment, StoredSegment

log = structlog.get_logger(__name__)

_SQL = queries("segments")
# How long a request waits at most, for all its segments together.
COUNT_SECONDS = 10.0


async def refresh_counts(
    connection: Connection, account: int, segments: Sequence[StoredSegment], now: datetime
) -> None:
    """Count the members of segments whose count is older than a minute, in order, within COUNT_SECONDS."""
    deadline = time.monotonic() + COUNT_SECONDS
    ids: AccountIds | None = None
    for each in segments:
        left = deadline - time.monotonic()
        claim = await connection.fetchval(_SQL["claim"], each.id) if left > 0 else None
        if claim is None:
            continue
        try:
            ids = ids or await repository.read_account_ids(connection, account)
            context = ids.match_context(account, each.segment.profile, now)
            result = await _count(connection, each.segment.match, context, left)
        except asyncpg.QueryCanceledError:
            log.warning("segment not counted in time", account=account, segment=each.segment.key)
        else:
            await connection.execute(_SQL["write_count"], each.id, claim, result["contacts"], result["at"])


async def count_once(connection: Connection, account: int, segment: Segment, now: datetime) -> int | None:
    """Return how many members a segment would have, None if counting them takes longer than COUNT_SECONDS."""
    found = await repository.resolve_match(connection, account, segment, now)
    try:
        result = await _count(connection, found.match, found.context, COUNT_SECONDS)
    except asyncpg.QueryCanceledError:
        return None
    contacts: int = result["contacts"]
    return contacts


async def _count(
    connection: Connection, match: Match, context: MatchContext, seconds: float
) -> asyncpg.Record:
    parameters = Parameters()
    selection = member_selection(match, context, parameters)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute(queries("members")["plan_for_many"])
        await connection.execute(f"set local statement_timeout = {max(int(seconds * 1000), 1)}")
        return await fetch_one(
            connection, parameters.fill("count", {}, members=selection), *parameters.values
        )
