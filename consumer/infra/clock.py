"""The process's wall clock and monotonic clock, as a protocol, so that tests can replace them.

Anything compared with times in the database uses the database's clock instead.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


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
