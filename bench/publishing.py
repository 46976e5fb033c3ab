"""Publishing a profile over a large base, beside what plain SQL takes for as many rows, and what it costs others.

Owns driving the publish, and its floors: one UPDATE of every row that lists go by, and the bare join of tallies and
scores.
"""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

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


async def begin_draft(dsn: str) -> int:
    """Let the profile's draft differ from what readers see, and begin to publish it; workers go on with it."""
    await _draft(dsn)
    connection = await postgres.connect(dsn)
    try:
        return await profile_publish.begin(connection, ACCOUNT, PROFILE, by="bench")
    finally:
        await connection.close()


async def _draft(dsn: str) -> None:
    changed = document()
    changed["profiles"] = [{**changed["profiles"][0], "weights": _DRAFT, "published": False}]
    await apply_document(dsn, changed)


async def publish(servers: Servers, base: str) -> Publish:
    """Publish over a copy of a base, up to where readers see it, and its floors over another."""
    floor, rows, join = await _floors(servers, base)
    database = await servers.database(base)
    dsn = servers.dsn(database)
    await _draft(dsn)
    async with _connection(dsn) as connection:
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
    async with _connection(servers.dsn(database)) as connection:
        began = time.perf_counter()
        await connection.fetchrow(_BARE_JOIN)
        join = time.perf_counter() - began
        began = time.perf_counter()
        told = await connection.execute(_FLOOR)
        floor = time.perf_counter() - began
    await servers.drop(database)
    return floor, int(told.split()[-1]), join


@asynccontextmanager
async def _connection(dsn: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()
