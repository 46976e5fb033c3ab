"""The process's wall clock and monotonic clock, as a protocol, so that tests can replace them.

Anything compared with times in the database uses the database's clock instead.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

# Seconds.
_TRUSTED = 0.5


class Clock(Protocol):
    """A wall clock for timestamps, and a monotonic one for durations."""

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds since an arbitrary fixed moment; they never decrease."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds since an arbitrary fixed moment; they never decrease."""
        return time.monotonic()


class DatabaseClock(SystemClock):
    """The database's wall clock as last compared, and this machine's until then."""

    def __init__(self) -> None:
        self._ahead = timedelta(0)

    def now(self) -> datetime:
        """Return the current time of the database, aware, in UTC."""
        return super().now() - self._ahead

    def compare(self, shown: datetime, took: float) -> None:
        """Note what the database's clock shows now. took: seconds for its answer; a slow one says little."""
        if took < _TRUSTED:
            self._ahead = super().now() - shown
