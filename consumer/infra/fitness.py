"""Whether a process may hold work: it has shown that it can do it, and has not failed to for long since.

One rule for slices and for shards. The heartbeat of a lease proves that a process runs, not that it can work: its
heartbeat has a connection while its batches find none, or reaches Postgres while Kafka refuses its messages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from consumer.infra.clock import Clock

# Seconds of failing, without a success, after which others should have the work. An attempt may take four of them,
# and the pause before the next one five.
PATIENCE = 10.0


class Fitness:
    """The successes and failures of the parts of a process, by number: pipelines, or shards."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._proven: set[int] = set()
        self._failing_since: dict[int, float] = {}

    def worked(self, part: int) -> None:
        """Note that a part has done work, or a probe that needs what the work needs."""
        self._proven.add(part)
        self._failing_since.pop(part, None)

    def failed(self, part: int) -> None:
        """Note that an attempt has failed."""
        self._failing_since.setdefault(part, self._clock.monotonic())

    def forget(self, part: int) -> None:
        """Forget a part: it has to prove itself again."""
        self._proven.discard(part)
        self._failing_since.pop(part, None)

    def may_hold(self, part: int, *, since: float = float("-inf")) -> bool:
        """Return whether a part may hold work. since: failures before this monotonic second do not count."""
        return part in self._proven and not self.failing(part, since=since)

    def failing(self, part: int, *, since: float = float("-inf")) -> bool:
        """Return whether a part has failed for PATIENCE seconds; since: as for may_hold."""
        began = self._failing_since.get(part)
        return began is not None and self._clock.monotonic() - max(began, since) > PATIENCE
