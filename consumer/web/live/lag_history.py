"""How far the service lags, sampled by this process and kept in memory for the last hour.

Lag is measured as workers do (consumer/lanes/lag.py). Without an address of Kafka it is not known; the outbox is.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog

from consumer.infra import postgres
from consumer.infra.postgres.connection import fetch_one
from consumer.infra.postgres.connection_keeper import ConnectionKeeper
from consumer.infra.postgres.errors import retry_reason
from consumer.infra.telemetry.health import Health
from consumer.infra.telemetry.metrics import Metrics
from consumer.lanes.lag import LagMonitor
from consumer.lanes.log_watcher import LogWatcher
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import datetime

    from consumer.infra.clock import Clock
    from consumer.infra.postgres.connection import Connection
    from consumer.infra.settings import Settings
    from consumer.lanes.positions import LaneKey

    Connect = Callable[[], Awaitable[Connection]]

log = structlog.get_logger(__name__)

# Seconds from one sample to the next, and for the database to answer; samples of an hour.
_EVERY: Final = 30.0
_PATIENCE: Final = 5.0
_KEPT: Final = int(3600 / _EVERY)
_BACKLOG: Final = queries("relay")["backlog"]


@dataclass(frozen=True, slots=True)
class Lag:
    """Records not processed yet, and the age of the oldest in seconds; None: not known."""

    records: int | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Sample:
    """What was measured at one instant. topics: by topic. messages: of the outbox; None: not known."""

    at: datetime
    topics: Mapping[str, Lag]
    messages: int | None


@dataclass
class LagHistory:
    """The samples, oldest first, and the lag of each lane in the newest one. knows_kafka: lag is measured here."""

    knows_kafka: bool
    samples: deque[Sample] = field(default_factory=lambda: deque(maxlen=_KEPT))
    lanes: Mapping[LaneKey, tuple[int, float | None]] = field(default_factory=dict)

    def add(
        self, at: datetime, lanes: Mapping[LaneKey, tuple[int, float | None]], messages: int | None
    ) -> None:
        """Add a sample. lanes: records and seconds of each lane that could be measured."""
        self.lanes = lanes
        topics = {topic for topic, _ in lanes}
        found = {topic: of_topic([lag for key, lag in lanes.items() if key[0] == topic]) for topic in topics}
        self.samples.append(Sample(at, found, messages))


def of_topic(lags: list[tuple[int, float | None]]) -> Lag:
    """Return the lag of a topic: the records of all its lanes, and the greatest age that is known."""
    ages = [seconds for _, seconds in lags if seconds is not None]
    return Lag(sum(records for records, _ in lags), max(ages, default=None))


async def sample(history: LagHistory, settings: Settings, clock: Clock) -> None:
    """Take samples until cancelled."""
    connect = partial(postgres.connect, settings.dsn(), application_name="engagement-health")
    await (
        _with_kafka(history, _monitor(settings, connect, clock), clock)
        if history.knows_kafka
        else _without(history, connect, clock)
    )


async def _with_kafka(history: LagHistory, monitor: LagMonitor, clock: Clock) -> None:
    try:
        while True:
            await monitor.measure_once()
            history.add(clock.now(), monitor.lags, monitor.outbox_messages)
            await asyncio.sleep(_EVERY)
    finally:
        await monitor.stop()


async def _without(history: LagHistory, connect: Connect, clock: Clock) -> None:
    with ConnectionKeeper(connect) as database:
        while True:
            history.add(clock.now(), {}, await _messages(database))
            await asyncio.sleep(_EVERY)


def _monitor(settings: Settings, connect: Connect, clock: Clock) -> LagMonitor:
    # Its gauges are the workers' to export.
    return LagMonitor(
        settings,
        LogWatcher(settings, clock),
        connect=connect,
        held_lanes=set,
        metrics=Metrics(),
        health=Health(clock),
        clock=clock,
        registers_lanes=False,
        on_new_lanes=lambda: None,
    )


async def _messages(database: ConnectionKeeper) -> int | None:
    try:
        async with asyncio.timeout(_PATIENCE):
            found: int = (await fetch_one(await database.get(), _BACKLOG))["messages"]
    except Exception as error:
        if retry_reason(error) is None:
            raise
        database.drop()
        log.info("lag not sampled", error=repr(error)[:200])
        return None
    return found
