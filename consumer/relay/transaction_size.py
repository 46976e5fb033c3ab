"""How many messages of a shard go into one transaction: as many as the way to Kafka takes in time."""

from __future__ import annotations

MAX_MESSAGES = 2000
# Seconds: after a faster transaction twice as many messages should arrive before the deadline of four.
_FAST = 1.0
# So many in a row: where only the size is the matter, each attempt to grow costs a time-out.
_IN_A_ROW = 10


class TransactionSize:
    """Halved after each time-out, down to one message, and doubled after ten fast transactions.

    A transaction that timed out has spent the link's or the quota's bytes; the same one again would time out again.
    """

    def __init__(self, messages: int = MAX_MESSAGES) -> None:
        self.messages = messages
        self._fast = 0

    def timed_out(self, sent: int) -> None:
        """Note that a transaction of so many messages was not published in time."""
        self.messages = max(1, min(sent, self.messages) // 2)
        self._fast = 0

    def published(self, sent: int, seconds: float) -> None:
        """Note that a transaction of so many messages took so many seconds."""
        if sent < self.messages:
            return
        self._fast = self._fast + 1 if seconds < _FAST else 0
        if self._fast >= _IN_A_ROW:
            self.messages = min(2 * self.messages, MAX_MESSAGES)
            self._fast = 0
