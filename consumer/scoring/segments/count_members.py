"""Counts the members of segments where somebody wants to know, at most once a minute each.

Owns who counts: whoever asks first takes it on; the others are told what was counted before, and how old it is.
What takes longer than the patience is given up, and nobody tries again for a minute. Never holds a lock
meanwhile.
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
    from consumer.scoring.segments.repository import AccountIds, StoredSegment

log = structlog.get_logger(__name__)

_SQL = queries("segments")
# Seconds that whoever asks is kept waiting at most, however many segments they ask about.
COUNT_SECONDS = 10.0


async def refresh_counts(
    connection: Connection, account: int, segments: Sequence[StoredSegment], now: datetime
) -> None:
    """Count the members of those segments whose count is older than a minute, in order, until patience ends."""
    until = time.monotonic() + COUNT_SECONDS
    there: AccountIds | None = None
    for each in segments:
        left = until - time.monotonic()
        claim = await connection.fetchval(_SQL["claim"], each.id) if left > 0 else None
        if claim is None:
            continue
        try:
            there = there or await repository.read_account_ids(connection, account)
            given = there.given(account, each.segment.profile, now)
            found = await _count(connection, each.segment.match, given, left)
        except asyncpg.QueryCanceledError:
            log.warning("segment not counted in time", account=account, segment=each.segment.key)
        else:
            await connection.execute(_SQL["write_count"], each.id, claim, found["contacts"], found["at"])


async def _count(connection: Connection, match: Match, given: MatchContext, seconds: float) -> asyncpg.Record:
    parameters = Parameters()
    selection = member_selection(match, given, parameters)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute(queries("members")["plan_for_many"])
        await connection.execute(f"set local statement_timeout = {max(int(seconds * 1000), 1)}")
        return await fetch_one(
            connection, parameters.fill("count", {}, members=selection), *parameters.values
        )
