"""What the demo knows while it runs: counted where it happens, by each part for itself.

Owns these numbers and how far the parts may run apart. Never asks anybody for them.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from consumer.ingest.batch import RecordOutcome

# The embedded broker forgets the oldest of a partition beyond 5 MiB. All that is on its way together stays
# below that, so no partition can get there.
_MOST_BYTES = 3 << 20
# Of messages out, some kilobytes each, over all partitions.
_MOST_MESSAGES = 5000


@dataclass
class Counts:
    """The numbers of one run.

    first_fed_at: on the monotonic clock. fed, fed_bytes: of records that the broker acknowledged. outcomes: of
    records in committed batches. given, published: positions of the outbox, as last read from the database.
    read: distinct messages out, by topic.
    """

    total: int
    first_fed_at: float | None = None
    fed: int = 0
    fed_bytes: int = 0
    handled_bytes: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    given: int = 0
    published: int = 0
    read: Counter[str] = field(default_factory=Counter)
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def handled(self) -> int:
        """Records that a committed batch gave an outcome."""
        return self.outcomes.total()

    @property
    def lag(self) -> int:
        """Records that the broker has and no committed batch."""
        return self.fed - self.handled

    @property
    def has_room(self) -> bool:
        """Tell whether more may be fed: neither the worker nor the reader is far behind."""
        return (
            self.fed_bytes - self.handled_bytes < _MOST_BYTES
            and self.given - self.read.total() < _MOST_MESSAGES
        )

    @property
    def all_handled(self) -> bool:
        """Tell whether everything that was to be fed has its outcome."""
        return self.fed == self.total == self.handled

    @property
    def all_read(self) -> bool:
        """Tell whether every message that has a position, as far as is known, was published and read."""
        return self.given == self.published == self.read.total()

    def handle(self, handled: Sequence[RecordOutcome]) -> None:
        """Count a committed batch."""
        for one in handled:
            self.outcomes[one.outcome.value] += 1
            record = one.record
            self.handled_bytes += size(record.key, record.value, record.headers)
        self.moved.set()

    async def change(self) -> None:
        """Wait until a batch was committed, or a moment."""
        self.moved.clear()
        try:
            async with asyncio.timeout(0.1):
                await self.moved.wait()
        except TimeoutError:
            pass


def size(key: bytes | None, value: bytes | None, headers: Iterable[tuple[str, bytes | None]]) -> int:
    """Return the bytes of a record's parts together."""
    return (
        len(key or b"")
        + len(value or b"")
        + sum(len(name) + len(content or b"") for name, content in headers)
    )
