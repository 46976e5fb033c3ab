"""The counters of a running demo, each kept by the part that does the work; and the limits of the backlog."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from consumer.ingest.batch import RecordOutcome

# The embedded broker drops the oldest batches of a partition beyond 5 MiB. The whole backlog stays below that, so
# no partition can reach it.
_MAX_BACKLOG_BYTES = 3 << 20
# Messages out, some kilobytes each, over all partitions.
_MAX_UNREAD_MESSAGES = 5000


@dataclass
class DemoCounts:
    """The numbers of one run.

    first_fed_at: on the monotonic clock. fed, fed_bytes: records acknowledged by the broker. outcomes: records in
    committed batches. As last read from the database: enqueued, published: messages of the outbox; waiting:
    contacts whose joins and deletions are to be carried out. read: distinct messages out, by topic. changed: set
    when the worker or the reader has advanced.
    """

    total: int
    first_fed_at: float | None = None
    fed: int = 0
    fed_bytes: int = 0
    handled_bytes: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    enqueued: int = 0
    published: int = 0
    waiting: int = 0
    read: Counter[str] = field(default_factory=Counter)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def handled(self) -> int:
        """Records with an outcome in a committed batch."""
        return self.outcomes.total()

    @property
    def lag(self) -> int:
        """Records in the broker that are in no committed batch."""
        return self.fed - self.handled

    @property
    def has_room(self) -> bool:
        """Whether more may be fed: both the worker's and the reader's backlog are below their limits."""
        return (
            self.fed_bytes - self.handled_bytes < _MAX_BACKLOG_BYTES
            and self.enqueued - self.read.total() < _MAX_UNREAD_MESSAGES
        )

    @property
    def all_handled(self) -> bool:
        """Whether every record of the run is fed and has its outcome."""
        return self.fed == self.total == self.handled

    @property
    def all_read(self) -> bool:
        """Whether nothing waits, and every message enqueued, as last read there, was published and read."""
        return self.waiting == 0 and self.enqueued == self.published == self.read.total()

    def handle(self, handled: Sequence[RecordOutcome]) -> None:
        """Count a committed batch."""
        for one in handled:
            self.outcomes[one.outcome.value] += 1
            record = one.record
            self.handled_bytes += record_size(record.key, record.value, record.headers)
        self.changed.set()

    async def wait_for_change(self) -> None:
        """Wait until the worker or the reader has advanced, 0.1 s at most."""
        self.changed.clear()
        try:
            async with asyncio.timeout(0.1):
                await self.changed.wait()
        except TimeoutError:
            pass


def record_size(key: bytes | None, value: bytes | None, headers: Iterable[tuple[str, bytes | None]]) -> int:
    """Return the bytes of a record's key, value and headers together."""
    return (
        len(key or b"")
        + len(value or b"")
        + sum(len(name) + len(content or b"") for name, content in headers)
    )
