"""What one run took and spent, from the counters of its servers before and after it."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

    from bench.servers import Servers

_WRITTEN = "select (pg_current_wal_insert_lsn() - '0/0')::bigint, pg_database_size(current_database())"


@dataclass(frozen=True, slots=True)
class Counters:
    """Counters at one moment: CPU seconds of PostgreSQL and Kafka, bytes of WAL and of one database."""

    postgres: float
    kafka: float
    wal: int
    stored: int


async def count(servers: Servers, connection: asyncpg.Connection[asyncpg.Record]) -> Counters:
    """Read the counters; connection: to the run's own database."""
    [(wal, stored)] = await connection.fetch(_WRITTEN)
    return Counters(*servers.cpu(), wal, stored)


@dataclass(frozen=True, slots=True)
class Figures:
    """What a run did. events: records consumed. cpu: seconds by who spent them. wal, stored, rss: bytes.

    rss: the most seen in one process. publish_lag: seconds from the last commit until its messages were published.
    Both are 0 if they were not watched.
    """

    seconds: float
    events: int
    rows: int
    cpu: dict[str, float]
    wal: int
    stored: int
    rss: int = 0
    publish_lag: float = 0.0

    @classmethod
    def between(
        cls,
        before: Counters,
        after: Counters,
        *,
        seconds: float,
        events: int,
        rows: int,
        cpu: dict[str, float],
    ) -> Figures:
        """Make figures of two readings of the counters; cpu: seconds of the program itself, by its name."""
        cpu = {**cpu, "postgres": after.postgres - before.postgres, "kafka": after.kafka - before.kafka}
        return cls(seconds, events, rows, cpu, after.wal - before.wal, after.stored - before.stored)

    @property
    def rate(self) -> float:
        """Events per second."""
        return self.events / self.seconds

    def cpu_per_thousand(self) -> dict[str, float]:
        """Return the milliseconds of CPU per 1,000 events, by who spent them."""
        return {name: 1000 * spent / self.events * 1000 for name, spent in self.cpu.items()}


def median_cpu(runs: Sequence[Figures]) -> dict[str, float]:
    """Return the milliseconds of CPU per 1,000 events by who spent them, medians over the runs."""
    spent = [run.cpu_per_thousand() for run in runs]
    return {name: statistics.median(one[name] for one in spent) for name in spent[0]}


def summary(runs: Sequence[Figures]) -> dict[str, Any]:
    """Return the medians over the runs of one program, as latest.json has them."""
    return {
        "events_per_second": statistics.median(run.rate for run in runs),
        "cpu_ms_per_1000_events": median_cpu(runs),
        "wal_bytes_per_event": statistics.median(run.wal / run.events for run in runs),
        "stored_bytes_per_event": statistics.median(run.stored / run.events for run in runs),
    }
