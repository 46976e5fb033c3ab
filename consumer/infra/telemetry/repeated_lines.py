"""Leaves out log lines that repeat: the first is written, and then one a minute with the number left out since.

For lines about a state that every attempt finds again: a missing topic, a broker that is down. Never for lines
about a single event, each of which has to be in the log.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

# Seconds.
_EVERY = 60.0
# Lines kept in mind; the oldest are forgotten beyond that.
_MANY = 1000


class RepeatedLines:
    """Decides which of equal lines are written. clock: monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # By line: when it was last written, and how often it was left out since.
        self._written: dict[Hashable, tuple[float, int]] = {}

    def left_out(self, line: Hashable) -> int | None:
        """Return how many equal lines were left out before this one, which is to be written; None: leave it out."""
        now = self._clock()
        at, count = self._written.pop(line, (float("-inf"), 0))
        due = now - at >= _EVERY
        self._written[line] = (now, 0) if due else (at, count + 1)
        if len(self._written) > _MANY:
            del self._written[next(iter(self._written))]
        return count if due else None

    def warn(self, log: Any, event: str, **values: Hashable) -> None:
        """Log a warning unless an equal one was written within the last minute; `repeated`: how many were not."""
        count = self.left_out((event, *sorted(values.items())))
        if count is not None:
            log.warning(event, **values, **({"repeated": count} if count else {}))


class RepeatedLinesFilter(logging.Filter):
    """Leaves out repeated lines of libraries, which log the same with each of their own attempts.

    libraries: the first part of their loggers' names.
    """

    def __init__(self, libraries: tuple[str, ...]) -> None:
        super().__init__()
        self._libraries = libraries
        self._lines = RepeatedLines()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to write a line."""
        if record.name.partition(".")[0] not in self._libraries:
            return True
        count = self._lines.left_out((record.name, record.levelno, record.getMessage()))
        if count:
            record.repeated = count
        return count is not None
