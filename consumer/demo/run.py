"""One run of the demo: its numbers, its clock, and what the database says meanwhile.

Owns the demo's own connection to the database. Never starts or ends anything.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from consumer.demo.counts import Counts
from consumer.demo.reader import Reader
from consumer.demo.screen import MOST_CONTACTS, Hot, Moment, Rate
from consumer.infra.clock import SystemClock
from consumer.infra.telemetry.metrics import Metrics
from schemas.names import Verdict
from sql import queries

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection
    from consumer.infra.settings import Settings

_SQL = queries("demo")


class Run:
    """What takes part in a run. metrics: the worker's, once there is one."""

    def __init__(self, settings: Settings, connection: Connection, total: int) -> None:
        self.settings = settings
        self.connection = connection
        self.counts = Counts(total)
        self.reader = Reader(settings, self.counts)
        self.metrics = Metrics()
        self.hottest: list[Hot] = []
        self._clock = SystemClock()
        self._rate = Rate(self._clock)
        self._began = self._clock.monotonic()
        self._ended: float | None = None
        # A connection answers one question at a time.
        self._asking = asyncio.Lock()

    @property
    def seconds(self) -> float:
        """Seconds since the run began."""
        return self._clock.monotonic() - self._began

    @property
    def working_seconds(self) -> float:
        """Seconds from the first event to the last one's commit."""
        return (self._ended or self._clock.monotonic()) - (self.counts.first_fed_at or self._began)

    def end(self) -> None:
        """Note that the last event was handled; what follows does not count as work."""
        self._ended = self._ended or self._clock.monotonic()

    def progress(self) -> tuple[int, ...]:
        """Return what must change for anything to have moved."""
        counts = self.counts
        return (counts.fed, counts.handled, counts.given, counts.published, counts.read.total())

    def moment(self) -> Moment:
        """Return what is to be seen now."""
        handled = self.counts.handled
        rate = handled / self.working_seconds if self._ended else self._rate.of(handled)
        return Moment(self.counts, self.verdicts(), self.hottest, self.seconds, rate)

    async def look(self) -> None:
        """Ask the database how far the outbox is and who is hottest."""
        async with self._asking:
            positions = await self.connection.fetchrow(_SQL["positions"])
            hottest = await self.connection.fetch(_SQL["hottest"], MOST_CONTACTS)
        if positions is not None:
            self.counts.given, self.counts.published = positions["given"], positions["published"]
        self.hottest = [
            Hot(
                row["name"],
                row["account"],
                row["overall"],
                dict(zip(row["groups"], row["points"], strict=True)),
            )
            for row in hottest
        ]

    def verdicts(self) -> dict[str, int]:
        """Return the verdicts on new entries, as the worker's batches counted them."""
        return {verdict.value: self._counted(verdict) for verdict in Verdict}

    def _counted(self, verdict: Verdict) -> int:
        labels = {"verdict": verdict.value}
        return int(self.metrics.registry.get_sample_value("engagement_verdicts_total", labels) or 0)
