"""One run of the demo: its counters, its clock, and the figures it reads from the database."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from consumer.demo.live_counts import DemoCounts
from consumer.demo.reader import MessageReader
from consumer.demo.screen import MAX_CONTACTS, HotContact, RecentRate, Snapshot
from consumer.infra.clock import SystemClock
from consumer.infra.telemetry.metrics import Metrics
from schemas.vocabulary import Verdict
from sql import queries

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection
    from consumer.infra.settings import Settings

_SQL = queries("demo")


class DemoRun:
    """The parts and figures of a run. metrics: the worker's, once it is created."""

    def __init__(self, settings: Settings, connection: Connection, total: int) -> None:
        self.settings = settings
        self.connection = connection
        self.counts = DemoCounts(total)
        self.reader = MessageReader(settings, self.counts)
        self.metrics = Metrics()
        self.hottest: list[HotContact] = []
        self._clock = SystemClock()
        self._rate = RecentRate(self._clock)
        self._started_at = self._clock.monotonic()
        self._handled_at: float | None = None
        # A connection runs one query at a time.
        self._connection_lock = asyncio.Lock()

    @property
    def seconds(self) -> float:
        """Seconds since the run began."""
        return self._clock.monotonic() - self._started_at

    @property
    def working_seconds(self) -> float:
        """Seconds from the first event to the last one's commit."""
        return (self._handled_at or self._clock.monotonic()) - (self.counts.first_fed_at or self._started_at)

    def mark_handled(self) -> None:
        """Stop the clock of `working_seconds`: every event has its outcome."""
        self._handled_at = self._handled_at or self._clock.monotonic()

    def progress(self) -> tuple[int, ...]:
        """Return the counters of which at least one changes while the run advances."""
        counts = self.counts
        return (
            counts.fed,
            counts.handled,
            counts.enqueued,
            counts.published,
            counts.waiting,
            counts.read.total(),
        )

    def snapshot(self) -> Snapshot:
        """Return the figures of this moment, those of the database as of the last refresh."""
        handled = self.counts.handled
        rate = handled / self.working_seconds if self._handled_at else self._rate.of(handled)
        return Snapshot(self.counts, self.verdicts(), self.hottest, self.reader.crossings, self.seconds, rate)

    async def refresh(self) -> None:
        """Read the outbox's numbers and the contacts with the highest scores from the database."""
        async with self._connection_lock:
            positions = await self.connection.fetchrow(_SQL["positions"])
            hottest = await self.connection.fetch(_SQL["hottest"], MAX_CONTACTS)
        if positions is not None:
            self.counts.enqueued, self.counts.published = positions["enqueued"], positions["published"]
            self.counts.waiting = positions["waiting"]
        self.hottest = [
            HotContact(
                row["name"],
                row["account"],
                row["overall"],
                row["band"],
                dict(zip(row["groups"], row["points"], strict=True)),
            )
            for row in hottest
        ]

    def verdicts(self) -> dict[str, int]:
        """Return the number of new entries by verdict, from the worker's metrics."""
        return {verdict.value: self._counted(verdict) for verdict in Verdict}

    def _counted(self, verdict: Verdict) -> int:
        labels = {"verdict": verdict.value}
        return int(self.metrics.registry.get_sample_value("engagement_verdicts_total", labels) or 0)
