"""The position of each lane: reads and takes the rows of `lanes`, and stops a lane with too many dead records.

The rule on dead records is semantics 2.46. Never moves a position: the fence of a batch does, in its transaction,
and `lanes seek` (operations.py).
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from schemas.vocabulary import LaneStop
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from consumer.domain.model import DeadLetter, Record
    from consumer.infra.postgres.connection import Connection

_SQL = queries("lanes")

LaneKey = tuple[str, int]

# A lane stops if at least this many …
DEAD_LIMIT = 100
# … of this many records in a row are dead, unless all of them name one and the same account.
DEAD_SPAN = 200


@dataclass(frozen=True, slots=True)
class Lane:
    """The position of one (topic, partition) after some batch.

    seen: records processed since the count of dead ones began. recent_dead: (number, account or None) of each dead
    one among the last DEAD_SPAN of them.
    """

    topic: str
    partition: int
    epoch: int
    next_offset: int
    last_timestamp: int | None = None
    last_checksum: int | None = None
    stopped: str | None = None
    seen: int = 0
    recent_dead: tuple[tuple[int, str | None], ...] = field(default=())

    @property
    def key(self) -> LaneKey:
        """Topic, without prefix, and partition."""
        return self.topic, self.partition

    def advanced(self, events: int, last: Record, *, dead: DeadLetter | None = None) -> Lane:
        """Return the lane after `events` events and then the dead letter, if there is one; `last`: the last record.

        The result is stopped if that dead letter is one too many.
        """
        seen = self.seen + events + (dead is not None)
        recent = self.recent_dead
        if recent and recent[0][0] <= seen - DEAD_SPAN:
            recent = tuple(entry for entry in recent if entry[0] > seen - DEAD_SPAN)
        stopped = self.stopped
        if dead is not None:
            recent = (*recent, (seen, dead.account))
            accounts = {name for _, name in recent}
            one_account = len(accounts) == 1 and None not in accounts
            if len(recent) >= DEAD_LIMIT and not one_account:
                stopped = LaneStop.DEAD_LETTERS
        return replace(
            self,
            next_offset=last.offset + 1,
            last_timestamp=last.timestamp,
            seen=seen,
            recent_dead=recent,
            stopped=stopped,
        )


async def take_held(
    connection: Connection, keys: Iterable[LaneKey], slices: Mapping[int, int], worker: int
) -> list[Lane]:
    """Take known lanes, fencing their previous holders, if this worker still holds their slices under these epochs.

    slices: lease epoch by slice. Returns the lanes that were taken.
    """
    keys = sorted(keys)
    numbers = sorted({partition for _, partition in keys})
    rows = await connection.fetch(
        _SQL["take_held"],
        numbers,
        [slices[number] for number in numbers],
        worker,
        [topic for topic, _ in keys],
        [partition for _, partition in keys],
    )
    return [_lane(row) for row in rows]


async def register_new_lanes(
    connection: Connection, bounds: Mapping[LaneKey, tuple[int, int]], *, latest: bool
) -> None:
    """Insert a row for each lane that has none. bounds: (first offset, end) of each log.

    latest: lanes of a new topic start at the end of their logs; all others start at the beginning. Give all lanes
    of a new topic at once: one that comes later counts as a partition added to a known topic.
    """
    keys = sorted(bounds)
    await connection.execute(
        _SQL["register_new"],
        [topic for topic, _ in keys],
        [partition for _, partition in keys],
        [bounds[key][0] for key in keys],
        [bounds[key][1 if latest else 0] for key in keys],
    )


async def read_slices(
    connection: Connection, numbers: Iterable[int], topics: Iterable[str]
) -> dict[LaneKey, Lane]:
    """Return the rows of all lanes of these slices and topics."""
    rows = await connection.fetch(_SQL["read_slices"], sorted(numbers), sorted(topics))
    return {(row["topic"], row["partition"]): _lane(row) for row in rows}


async def read(connection: Connection, keys: Iterable[LaneKey]) -> dict[LaneKey, Lane]:
    """Return the rows of these lanes; those without a row are left out."""
    keys = sorted(keys)
    rows = await connection.fetch(
        _SQL["read"], [topic for topic, _ in keys], [partition for _, partition in keys]
    )
    return {(row["topic"], row["partition"]): _lane(row) for row in rows}


async def read_all(connection: Connection) -> list[Lane]:
    """Return the rows of all lanes."""
    return [_lane(row) for row in await connection.fetch(_SQL["list"])]


async def stop(connection: Connection, lane: Lane, reason: LaneStop) -> None:
    """Stop a lane until an operator acts, unless another worker has taken it."""
    await connection.execute(_SQL["stop"], lane.topic, lane.partition, lane.epoch, reason.value)


def stopped(lane: Lane, reason: LaneStop) -> Lane:
    """Return the lane, stopped for this reason."""
    return replace(lane, stopped=reason)


def checksum(record: Record) -> int:
    """Return a checksum of key and value, to recognise another record at the same offset of a recreated topic."""
    return zlib.crc32(record.value or b"", zlib.crc32(record.key or b""))


def _lane(row: Any) -> Lane:
    values = dict(row)
    dead = json.loads(values.pop("recent_dead"))
    return Lane(**values, recent_dead=tuple((number, account) for number, account in dead))
