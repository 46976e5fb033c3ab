"""Publishing a profile over a large base, beside what plain SQL takes for as many rows, and what it costs others.

Owns driving the publish, and its floors: one UPDATE of every row that lists go by, and the bare join of tallies and
scores.
"""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import asyncpg

from bench.traffic import ACCOUNT, document
from consumer.infra import postgres
from consumer.infra.postgres.connection_keeper import ConnectionKeeper
from consumer.scoring import profile_publish
from consumer.scoring.profile_publish.preview import preview
from tests.pipeline.service import apply_document

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bench.servers import Servers

PROFILE = "lead_score"
_DRAFT = {"clicked": 9, "opened": 0, "paid": -5}
_FLOOR = "update ranks set points = points + 1"
_BARE_JOIN = """
    select count(*), sum(abs(s.overall - p.points))
    from (select t.contact_id, w.profile_id, w.version, sum(t.count * w.weight) as points
          from dedup_keys t join version_weights w using (definition_id)
          group by 1, 2, 3) p
    join contact_scores s using (contact_id, profile_id, version)"""


@dataclass(frozen=True, slots=True)
class Publish:
    """Seconds that each part took. contacts: whom it built; rows: of the ranks, before it."""

    contacts: int
    rows: int
    floor: float
    build: float
    preview: float
    join: float


async def begin_draft(dsn: str, **frames: Any) -> int:
    """Let the profile's draft differ from what readers see, and begin to publish it; workers go on with it."""
    await draft(dsn, **frames)
    connection = await postgres.connect(dsn)
    try:
        return await profile_publish.begin(connection, ACCOUNT, PROFILE, by="bench")
    finally:
        await connection.close()


async def draft(dsn: str, **frames: Any) -> None:
    """Let the profile's draft have other weights, and these bounds and bands."""
    await apply_document(dsn, document(weights=_DRAFT, published=False, **frames))


async def publish(servers: Servers, base: str) -> Publish:
    """Publish over a copy of a base, up to where readers see it, and its floors over another."""
    floor, rows, join = await _floors(servers, base)
    database = await servers.database(base)
    dsn = servers.dsn(database)
    await draft(dsn)
    async with connected(dsn) as connection:
        began = time.perf_counter()
        shown = await preview(connection, ACCOUNT, PROFILE)
        looked = time.perf_counter() - began
    number = await begin_draft(dsn)
    keeper = ConnectionKeeper(lambda: postgres.connect(dsn))
    began = time.perf_counter()
    async for stands in profile_publish.run_publish(keeper, number):
        if stands.state != "building":
            break
    built = time.perf_counter() - began
    keeper.drop()
    await servers.drop(database)
    return Publish(shown.contacts, rows, floor, built, looked, join)


async def _floors(servers: Servers, base: str) -> tuple[float, int, float]:
    database = await servers.database(base)
    async with connected(servers.dsn(database)) as connection:
        began = time.perf_counter()
        await connection.fetchrow(_BARE_JOIN)
        join = time.perf_counter() - began
        began = time.perf_counter()
        told = await connection.execute(_FLOOR)
        floor = time.perf_counter() - began
    await servers.drop(database)
    return floor, int(told.split()[-1]), join


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """Yield a connection."""
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()
