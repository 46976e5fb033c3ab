"""Reads the events of files, and says which lines are none."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, NamedTuple

from consumer.domain.model import DeadLetter, Record
from consumer.ingest.backfill.dated_event import event_of_line
from consumer.ingest.backfill.read_lines import read_lines
from schemas.timestamps import to_microseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from consumer.domain.model import Event
    from consumer.infra.clock import Clock
    from consumer.ingest.backfill.sorted_events import SortedEvents


class FaultyLine(NamedTuple):
    """A line that is no event."""

    file: str
    number: int
    fault: DeadLetter


def read_files(
    files: Sequence[str],
    events: SortedEvents,
    clock: Clock,
    *,
    faulty: Callable[[FaultyLine], None],
    progress: Callable[[int], None] = lambda _lines: None,
) -> None:
    """Add the events of files to `events`, and call `faulty` with each line that is none.

    progress: called with the number of lines so far. Raises UnreadableFileError.
    """
    lines = 0
    for file in files:
        for number, line in read_lines(file):
            event = event_of_line(line, to_microseconds(clock.now()))
            if isinstance(event, DeadLetter):
                faulty(FaultyLine(file, number, event))
            else:
                events.add(event, record_of(event, file, number))
            lines += 1
            progress(lines)


def record_of(event: Event, file: str, number: int) -> Record:
    """Return what stands for the record of a line: its place, and the event's own time as its timestamp.

    No partition gives a new contact its shard: its id does.
    """
    partition = zlib.crc32(f"{event.account}\0{event.subject}".encode())
    return Record(file, partition, number, event.occurred_us // 1000, None, None)
