"""`/v1/health`: how far the service lags, its lanes, its outbox, and the processes that do the work.

It is of all accounts, so it is for tokens of all accounts. Lag is what this process has measured.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request

from consumer.infra.clock import SystemClock
from consumer.infra.postgres.connection import fetch_one
from consumer.infra.postgres.lease_times import LATE, LEASE
from consumer.infra.postgres.schema_version import PROGRAM, read_schema
from consumer.lanes import operations, positions, slice_leases
from consumer.web.http.api_route import ApiRoute
from consumer.web.http.auth import ALL_ACCOUNTS, AnyOperator
from consumer.web.http.database import Database
from consumer.web.http.problems import not_found
from consumer.web.http.timestamps import Instant
from consumer.web.live.lag_history import Lag, of_topic
from schemas.vocabulary import LaneStop
from sql import queries

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection
    from consumer.lanes.positions import Lane
    from consumer.web.live.lag_history import LagHistory

beside_accounts = APIRouter(prefix="/v1", tags=["health"], route_class=ApiRoute)

_SQL = queries("service_health")


class LagSample(BaseModel, use_attribute_docstrings=True):
    """A lag at an instant; null: not known."""

    at: Instant
    """When it was measured."""
    records: int | None
    """Records not processed yet."""
    seconds: float | None
    """The age of the oldest of them; 0: there are none."""


class TopicHealth(BaseModel, use_attribute_docstrings=True):
    """The lag of a topic."""

    topic: str
    """Without the installation's prefix."""
    lag_records: int | None
    """Records not processed yet; null: not known."""
    lag_seconds: float | None
    """The age of the oldest of them; 0: there are none; null: not known."""
    samples: list[LagSample]
    """Of the last hour, oldest first."""


class LaneHealth(BaseModel, use_attribute_docstrings=True):
    """A partition of a topic."""

    topic: str
    """Without the installation's prefix."""
    partition: int
    """Of the topic."""
    next_offset: int
    """The offset of the next record to process."""
    lag_records: int | None
    """Records not processed yet; null: not known."""
    lag_seconds: float | None
    """The age of the oldest of them; 0: there are none; null: not known."""
    holder: str | None
    """The pipeline that reads it, as host:process/pipeline; null: none does."""
    stopped: LaneStop | None
    """Why it is stopped; null: it is not."""
    why: str | None
    """The same for people."""
    way_out: str | None
    """The commands that start it again."""


class OutboxSample(BaseModel, use_attribute_docstrings=True):
    """The outbox at an instant."""

    at: Instant
    """When it was measured."""
    messages: int | None
    """Messages not published yet; null: not known."""


class OutboxHealth(BaseModel, use_attribute_docstrings=True):
    """Messages that are to be published."""

    messages: int
    """Messages not published yet."""
    oldest_seconds: float
    """The age of the oldest of them; 0: there are none."""
    samples: list[OutboxSample]
    """Of the last hour, oldest first."""


class WorkerHealth(BaseModel, use_attribute_docstrings=True):
    """A worker that is alive."""

    name: str
    """Host and process."""
    version: int | None
    """The version of its program: the newest migration that it knows; null: the database does not show it."""
    pipelines: int
    """How many of its pipelines can read."""
    slices: int
    """How many slices they hold."""


class RelayHealth(BaseModel, use_attribute_docstrings=True):
    """A relay that is alive."""

    name: str
    """Host and process."""
    shards: int
    """How many shards of the outbox it publishes."""


class ServiceHealth(BaseModel, use_attribute_docstrings=True):
    """The health of the whole service."""

    at: Instant
    """When it was read."""
    kafka: Literal["read", "unavailable", "unknown"]
    """Whether this process reads the ends of the logs; `unknown`: it has no address of Kafka, and knows no lag."""
    measured_at: Instant | None
    """When lag was measured last; null: it was not."""
    freshness_seconds: float | None
    """The age of the oldest record not processed, of all topics; 0: there are none; null: not known."""
    topics: list[TopicHealth]
    """By name."""
    lanes: list[LaneHealth]
    """By topic and partition."""
    outbox: OutboxHealth
    """How much is to be published."""
    workers: list[WorkerHealth]
    """Those that are alive, by name."""
    relays: list[RelayHealth]
    """Those that are alive, by name."""
    shards: int
    """Of the outbox."""
    program: int
    """The version of the program that answers."""
    schema_version: int
    """The version of the database's schema."""


@beside_accounts.get("/health")
async def read_health(operator: AnyOperator, request: Request, database: Database) -> ServiceHealth:
    """Return the health of the whole service, for tokens of all accounts. What is not known here is null."""
    if operator.account != ALL_ACCOUNTS:
        raise not_found(f"health for account {operator.account}: it is that of all accounts")
    history: LagHistory | None = request.app.state.lag_history
    async with database.connection() as connection:
        found = await _read(connection)
        lanes, holders = await positions.read_all(connection), await slice_leases.holders(connection)
    samples = [] if history is None else list(history.samples)
    items = [_lane(lane, holders.get(lane.partition), history) for lane in lanes]
    of_lanes = defaultdict(list)
    for item in items:
        if item.lag_records is not None:
            of_lanes[item.topic].append((item.lag_records, item.lag_seconds))
    topics = [
        TopicHealth(
            topic=topic,
            lag_records=lag.records,
            lag_seconds=lag.seconds,
            samples=[
                LagSample(at=each.at, records=then.records, seconds=then.seconds)
                for each in samples
                for then in [each.topics.get(topic, Lag(None, None))]
            ],
        )
        for topic in sorted({item.topic for item in items})
        for lag in [of_topic(of_lanes[topic]) if topic in of_lanes else Lag(None, None)]
    ]
    knows = history is not None and history.knows_kafka
    ages = [each.lag_seconds for each in topics]
    known = [age for age in ages if age is not None]
    return ServiceHealth(
        at=SystemClock().now(),
        kafka=("read" if history and history.lanes else "unavailable") if knows else "unknown",
        measured_at=samples[-1].at if samples else None,
        freshness_seconds=max(known) if known and len(known) == len(ages) else None,
        topics=topics,
        lanes=items,
        outbox=OutboxHealth(
            **found["backlog"],
            samples=[OutboxSample(at=each.at, messages=each.messages) for each in samples],
        ),
        workers=found["workers"],
        relays=found["relays"],
        shards=found["shards"],
        program=PROGRAM,
        schema_version=found["schema"],
    )


async def _read(connection: Connection) -> dict[str, Any]:
    """Return what the database has but lanes, by name."""
    alive = LEASE - LATE
    workers = await connection.fetch(_SQL["workers"], alive)
    return {
        "backlog": dict(await fetch_one(connection, queries("relay")["backlog"])),
        "workers": [
            WorkerHealth(
                name=row["name"],
                version=_version(row["program"]),
                pipelines=row["pipelines"],
                slices=row["slices"],
            )
            for row in workers
        ],
        "relays": [RelayHealth(**row) for row in await connection.fetch(_SQL["relays"], alive)],
        "shards": await connection.fetchval(_SQL["shards"]),
        "schema": (await read_schema(connection)).version,
    }


def _version(program: str | None) -> int | None:
    """Return the version at the end of the name under which a program has connected."""
    end = (program or "").rpartition("/")[2]
    return int(end) if end.isdecimal() else None


def _lane(lane: Lane, holder: str | None, history: LagHistory | None) -> LaneHealth:
    records, seconds = (history.lanes.get(lane.key) if history else None) or (None, None)
    return LaneHealth(
        topic=lane.topic,
        partition=lane.partition,
        next_offset=lane.next_offset,
        lag_records=records,
        lag_seconds=seconds,
        holder=holder,
        stopped=LaneStop(lane.stopped) if lane.stopped else None,
        why=operations.explain_stop(lane.stopped) if lane.stopped else None,
        way_out=operations.suggest_command(lane) if lane.stopped else None,
    )
