"""What an account may have in work at the same time, so that none can starve the others.

A quarter of the connections is for each kind of work that takes long: heavy reads, files and previews, and changes,
which may wait for locks. So a quarter is left for short reads whatever the others do. Of each kind, and of all
connections, an account has no more than its share.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from enum import StrEnum
from typing import TYPE_CHECKING

from consumer.web.http.fair_slots import AllUsedError, FairSlots, ShareUsedError
from consumer.web.http.problems import Code, ProblemError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from consumer.infra.telemetry.metrics import Metrics

# Files that are being sent, by one process: each may have its unsent part on disk (spool.py).
_MOST_DOWNLOADS = 32
# Requests of one account that wait, of each kind; and of all kinds.
_MOST_WAITING, _MOST_WAITING_OF_ALL = 64, 256
# Seconds for a slot: what waits for a lock holds up the other changes of its account. And for everything else.
_CHANGE_PATIENCE, _PATIENCE = 20.0, 5.0


class Share(StrEnum):
    """What there are shares of; the values of a metric's label. `all`: every connection."""

    ALL = "all"
    HEAVY = "heavy"
    LONG = "long"
    CHANGES = "changes"
    DOWNLOADS = "downloads"


# What is in work where a share is used, and after how many seconds to try again.
_BUSY = {
    Share.ALL: ("requests", "1"),
    Share.HEAVY: ("lists by segment, searches or counts", "1"),
    Share.LONG: ("exports or previews", "10"),
    Share.CHANGES: ("changes", "1"),
    Share.DOWNLOADS: ("files", "10"),
}


class Admission:
    """The shares of one process. connections: to the database."""

    def __init__(self, connections: int, metrics: Metrics) -> None:
        quarter = max(1, connections // 4)
        self._metrics = metrics
        self._slots = {
            Share.ALL: _slots(connections, left=quarter, waiting=_MOST_WAITING_OF_ALL),
            Share.HEAVY: _slots(quarter),
            Share.LONG: _slots(quarter),
            Share.CHANGES: _slots(quarter, patience=_CHANGE_PATIENCE),
            Share.DOWNLOADS: _slots(_MOST_DOWNLOADS, left=_MOST_DOWNLOADS * 3 // 4),
        }
        every = self._slots.values()
        metrics.pool_connections_in_use.set_function(lambda: self._slots[Share.ALL].held)
        metrics.pool_requests_waiting.set_function(lambda: sum(one.waiting for one in every))

    @asynccontextmanager
    async def slot(self, account: str, share: Share) -> AsyncIterator[None]:
        """Hold a slot of a share for an account.

        Raises ProblemError: 429 where the account's own requests use its share, 503 where those of others use all.
        """
        what, seconds = _BUSY[share]
        try:
            async with self._slots[share].slot(account):
                yield
        except ShareUsedError:
            self._metrics.http_throttled.labels(share.value).inc()
            raise ProblemError(
                Code.TOO_MANY,
                f"too many {what} of the account are running: try again later",
                headers={"Retry-After": seconds},
            ) from None
        except AllUsedError:
            raise ProblemError(
                Code.UNAVAILABLE,
                f"too many {what} are running: try again later",
                headers={"Retry-After": seconds},
            ) from None


def _slots(
    total: int, *, left: int = 1, waiting: int = _MOST_WAITING, patience: float = _PATIENCE
) -> FairSlots:
    """Return slots of which one account never has the last ones; left: how many of them."""
    return FairSlots(total, max(1, total - left), waiting, patience)
