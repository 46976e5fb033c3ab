"""Which lanes this worker holds: taken over once, read again after trouble, left alone once another has them.

Owns keeping three things in step: the rows of `lanes`, what the ingest believes, and what the source reads. Never
moves a position, and never takes back what another worker took: two that did would take turns for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from consumer import kafka, lanes
from consumer.model import LaneStop
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from consumer.db import Connection
    from consumer.health import Health
    from consumer.ingest import Ingest
    from consumer.lanes import Lane, LaneKey
    from consumer.metrics import Metrics
    from consumer.settings import Settings
    from consumer.source import Source

log = structlog.get_logger(__name__)

# Seconds for a database to say goodbye.
_PATIENCE = 2.0


class Ownership:
    """The lanes of one worker. missing: topics that were not there when lanes were last loaded."""

    def __init__(
        self,
        settings: Settings,
        source: Source,
        ingest: Ingest,
        *,
        connect: Callable[[], Awaitable[Connection]],
        metrics: Metrics,
        health: Health,
    ) -> None:
        self._settings = settings
        self._source = source
        self._ingest = ingest
        self._connect = connect
        self._metrics = metrics
        self._health = health
        # Of every lane that was taken: the epoch it was taken with.
        self._epochs: dict[LaneKey, int] = {}
        self.missing: list[str] = []

    async def load(self) -> None:
        """Take over the lanes that were never held and read all again; stop those that cannot be read.

        Raises KafkaError where brokers do not answer, and what asyncpg raises.
        """
        bounds = await self._source.bounds(await self._present())
        connection = await self._connect()
        try:
            await self._take(connection, bounds)
            self._ingest.lanes = await self._still_held(connection, bounds)
            for lane in list(self._ingest.lanes.values()):
                if reason := _lost(lane, bounds[lane.key]):
                    log.error("lane stopped", reason=reason, topic=lane.topic, partition=lane.partition)
                    await lanes.stop(connection, lane, reason)
                    self._ingest.lanes[lane.key] = lanes.stopped(lane, reason)
            await connection.close(timeout=_PATIENCE)
        finally:
            connection.terminate()
        self._read()

    def follow(self) -> None:
        """Read what the ingest still waits for; cheap where nothing has changed."""
        # Only on a change: each time, what was fetched ahead of all lanes is thrown away.
        if self._source.lanes != self._readable().keys():
            self._read()

    def _readable(self) -> dict[LaneKey, int]:
        return {key: lane.next_offset for key, lane in self._ingest.lanes.items() if not lane.stopped}

    def _read(self) -> None:
        self._source.read(self._readable())
        held = self._ingest.lanes
        for reason in LaneStop:
            stopped = sum(lane.stopped == reason for lane in held.values())
            self._metrics.lane_stopped.labels(reason.value).set(stopped)
        faults = [f"topic {topic} is missing" for topic in self.missing]
        if lost := len(self._epochs.keys() - held.keys()):
            faults.append(f"another worker has taken {lost} lanes over")
        self._health.report("lanes", ok=not faults, why="; ".join(faults))

    async def _present(self) -> list[LaneKey]:
        async with kafka.plain_client(self._settings, "lanes") as client:
            partitions = await kafka.partitions_by_topic(client)
        names = kafka.input_topics(self._settings)
        self.missing = [kafka_name for kafka_name in names if not partitions.get(kafka_name)]
        for topic in self.missing:
            log.warning("topic is missing", topic=topic)
        return [
            (name, partition)
            for kafka_name, name in names.items()
            for partition in range(partitions.get(kafka_name, 0))
        ]

    async def _take(self, connection: Connection, bounds: Mapping[LaneKey, tuple[int, int]]) -> None:
        known = {row["topic"] for row in await connection.fetch(queries("lanes")["known_topics"])}
        latest = self._settings.start == "latest"
        starts = {
            key: end if latest and key[0] not in known else first
            for key, (first, end) in bounds.items()
            if key not in self._epochs
        }
        if starts:
            taken = await lanes.take(connection, starts)
            self._epochs |= {lane.key: lane.epoch for lane in taken}

    async def _still_held(
        self, connection: Connection, bounds: Mapping[LaneKey, tuple[int, int]]
    ) -> dict[LaneKey, Lane]:
        current = await lanes.read(connection, self._epochs)
        return {
            key: lane for key, lane in current.items() if lane.epoch == self._epochs[key] and key in bounds
        }


def _lost(lane: Lane, bounds: tuple[int, int]) -> LaneStop | None:
    """Tell why a lane cannot be read where it stands: its records are gone, or the log ends before it."""
    first, end = bounds
    if lane.stopped:
        return None
    if lane.next_offset < first:
        return LaneStop.LOG_TRUNCATED
    if lane.next_offset > end:
        return LaneStop.TOPIC_RECREATED
    return None
