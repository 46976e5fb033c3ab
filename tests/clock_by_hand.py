"""A clock that a test moves."""

from __future__ import annotations

from datetime import UTC, datetime


class ClockByHand:
    """Shows `seconds`, for both kinds of time, until a test changes them."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def monotonic(self) -> float:
        return self.seconds
