"""Which lanes wait for a producer's open transaction: their last stable offset stands still below the log's end.

Kafka returns no record from the first open transaction on, committed ones of other producers included.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.lanes.positions import LaneKey

# Seconds that a last stable offset stands still before the records after it count as waiting: transactions of
# healthy producers are open for less.
_STANDS_STILL = 3.0


@dataclass(frozen=True, slots=True)
class OpenTransaction:
    """What holds back a lane. begin: its first offset, the last stable one. high_watermark: after its last record.

    seconds: for which it has been seen open, at least.
    """

    begin: int
    high_watermark: int
    seconds: float

    @property
    def offsets(self) -> int:
        """Offsets held back: records at most, those of the transaction itself included."""
        return self.high_watermark - self.begin


class OpenTransactions:
    """Remembers since when the last stable offset of a lane has stood still below its high watermark."""

    def __init__(self) -> None:
        self._since: dict[LaneKey, tuple[int, float]] = {}
        self._open: dict[LaneKey, OpenTransaction] = {}

    def note(self, now: float, stable: Mapping[LaneKey, int], high_watermarks: Mapping[LaneKey, int]) -> None:
        """Take over offsets, of which the high watermarks were read first: then a higher one is no coincidence.

        now: monotonic seconds.
        """
        since: dict[LaneKey, tuple[int, float]] = {}
        for key, end in stable.items():
            if high_watermarks.get(key, end) > end:
                before = self._since.get(key)
                since[key] = before if before is not None and before[0] == end else (end, now)
        self._since = since
        self._open = {
            key: OpenTransaction(begin, high_watermarks[key], now - at)
            for key, (begin, at) in since.items()
            if now - at >= _STANDS_STILL
        }

    def get(self, key: LaneKey) -> OpenTransaction | None:
        """Return what holds back a lane, None if nothing does."""
        return self._open.get(key)
