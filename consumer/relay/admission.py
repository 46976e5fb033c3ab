"""Whether this relay may hold shards: it has published a probe, and has not failed for long since."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from consumer.infra.fitness import Fitness
from consumer.infra.kafka.client import TopicsMissingError
from consumer.infra.open_files import no_more_files
from consumer.infra.telemetry.repeated_lines import RepeatedLines
from consumer.infra.wait import backoff
from consumer.relay.plain_publisher import DeliveryInDoubtError
from consumer.relay.probe import publish_probe

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from consumer.infra.clock import Clock
    from consumer.infra.postgres.connection import Connection
    from consumer.infra.settings import Settings

log = structlog.get_logger(__name__)

# Seconds from one probe to the next, doubled each time that the relay loses its shards without having published.
_PROBE_EVERY = 1.0
_PROBE_SELDOM = 60.0


class Admission:
    """Held by the relay of a process. granted: whether it may hold shards. why_not: one line, else None."""

    def __init__(
        self, settings: Settings, connect: Callable[[], Awaitable[Connection]], clock: Clock
    ) -> None:
        self._settings = settings
        self._connect = connect
        self._clock = clock
        self._fitness = Fitness(clock)
        self._repeated = RepeatedLines(clock.monotonic)
        self._failures: dict[int, str] = {}
        # Times that the shards were lost without anything published in between.
        self._in_vain = 0
        self._probe_at = float("-inf")
        # A shard whose next message only a relay of a newer version can publish.
        self._outdated_for: int | None = None
        self.granted = False
        self.why_not: str | None = "no probe has been published yet"

    def worked(self, shard: int, *, published: bool) -> None:
        """Note that a shard has published its messages, or has none."""
        self._fitness.worked(shard)
        self._forget_failure(shard)
        if published:
            self._in_vain = 0

    def failed(self, shard: int, why: str) -> None:
        """Note why an attempt of a shard has failed."""
        self._fitness.failed(shard)
        self._failures[shard] = why

    def released(self, shard: int) -> None:
        """Forget a shard that another relay has now."""
        self._fitness.forget(shard)
        self._forget_failure(shard)

    def outdated(self, shard: int) -> None:
        """Note that only a relay of a newer version can publish what a shard has next: it should try at once."""
        self._outdated_for = shard

    def is_lost(self) -> bool:
        """Return whether a shard has failed for so long that another relay should try."""
        return self.granted and any(map(self._is_anothers, self._failures))

    def withdraw(self) -> None:
        """Refuse all shards until a probe has been published."""
        shard, why = next(one for one in self._failures.items() if self._is_anothers(one[0]))
        self.granted = False
        self.why_not = f"its shards are released: shard {shard}: {why}"
        self._in_vain += 1
        first = _PROBE_EVERY if self._outdated_for is None else _PROBE_SELDOM
        self._probe_at = self._clock.monotonic() + backoff(self._in_vain, first=first, most=_PROBE_SELDOM)
        log.error("shards released, since publishing fails", shard=shard, because=why)

    def _is_anothers(self, shard: int) -> bool:
        return shard == self._outdated_for or self._fitness.failing(shard)

    def _forget_failure(self, shard: int) -> None:
        self._failures.pop(shard, None)
        if shard == self._outdated_for:
            self._outdated_for = None

    async def ask(self) -> None:
        """Publish a probe, if one is due; raises what asyncpg raises where no connection can be opened."""
        if self._clock.monotonic() < self._probe_at:
            return
        self._probe_at = self._clock.monotonic() + _PROBE_EVERY
        # A new connection, as the publisher of a shard needs one.
        connection = await self._connect()
        try:
            now = await connection.fetchval("select clock_timestamp()")
        finally:
            connection.terminate()
        try:
            await publish_probe(self._settings, int(now.timestamp() * 1000))
        except (DeliveryInDoubtError, TopicsMissingError) as error:
            limit = no_more_files()
            self.why_not = f"it has no shards: kafka: {limit or error}"[:200]
            self._repeated.warn(log, "probe not published", error=(limit or repr(error))[:300])
        else:
            self.granted = True
            self.why_not = None
