"""Leaves out records that their lanes have processed, and those after a record that stops a lane. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer.domain.model import DeadLetter
from consumer.ingest.batch import DueBatch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from consumer.domain.model import Record
    from consumer.ingest.batch import DecodedRecord
    from consumer.lanes.positions import Lane, LaneKey


def skip_processed(records: Iterable[DecodedRecord], lanes: Mapping[LaneKey, Lane]) -> DueBatch:
    """Return the records at or after the positions of their lanes, and the lanes' positions after them.

    records: each lane's in offset order. Records of lanes that are not in `lanes` are left out. A lane that stops
    for its dead records takes none after the one that stopped it.
    """
    cursors: dict[LaneKey, _LaneCursor] = {}
    due: list[DecodedRecord] = []
    for decoded in records:
        record = decoded.record
        key = decoded.lane
        cursor = cursors.get(key)
        if cursor is None:
            lane = lanes.get(key)
            if lane is None:
                continue
            cursor = cursors[key] = _LaneCursor(lane, lane.next_offset)
        if record.offset < cursor.next_offset or cursor.lane.stopped:
            continue
        due.append(decoded)
        cursor.next_offset = record.offset + 1
        cursor.last = record
        cursor.records += 1
        cursor.events += 1
        if isinstance(decoded.content, DeadLetter):
            cursor.lane = cursor.lane.advanced(cursor.events - 1, record, dead=decoded.content)
            cursor.last, cursor.events = None, 0
    # A lane whose records were all processed before does not move.
    return DueBatch(due, {key: cursor.advanced() for key, cursor in cursors.items() if cursor.records})


@dataclass(slots=True)
class _LaneCursor:
    """A lane while its records of a batch are counted.

    lane: as it is after the last dead letter. records: taken from it. events: since that dead letter. last: the
    last of those events.
    """

    lane: Lane
    next_offset: int
    last: Record | None = None
    records: int = 0
    events: int = 0

    def advanced(self) -> Lane:
        """Return the lane as it is after all records taken."""
        return self.lane if self.last is None else self.lane.advanced(self.events, self.last)
