"""Reads events of one account from the input topics again, as far as their lanes have processed them (9.8, 9.9).

A consumer of its own, without a group: lanes and their offsets stay as they are.
"""

from __future__ import annotations

import asyncio
import math
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from aiokafka.errors import KafkaTimeoutError

from consumer.domain.decode import decode
from consumer.domain.model import Event
from consumer.ingest.source import Source, UnreadableLanesError
from consumer.lanes import log_offsets, operations

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from collections.abc import Set as AbstractSet

    from consumer.domain.model import Record
    from consumer.infra.postgres.connection_keeper import ConnectionKeeper
    from consumer.infra.settings import Settings
    from consumer.ingest.backfill.sorted_events import SortedEvents
    from consumer.lanes.positions import LaneKey

# Seconds that a fetch waits for records, and in all: there are some, or markers.
_WAIT = 0.5
_PATIENCE = 60.0
# Records decoded before the event loop gets its turn: less than a millisecond.
_TURN = 100


@dataclass(frozen=True, slots=True)
class PastRecords:
    """What is to be read of the logs: by lane, the first offset and the one after the last.

    reaches_back: of logs whose beginnings are deleted, the latest timestamp of a first record, in milliseconds
    since 1970: older records may be missing. None: none is.
    """

    spans: Mapping[LaneKey, tuple[int, int]]
    reaches_back: int | None

    @property
    def offsets(self) -> int:
        """How many records there are at most."""
        return sum(end - first for first, end in self.spans.values())


async def find_past_records(settings: Settings, keeper: ConnectionKeeper, since: int) -> PastRecords:
    """Return where the records since an instant, in milliseconds since 1970, lie before the lanes' positions.

    Raises KafkaError or TimeoutError if brokers do not answer.
    """
    lanes = {lane.key: lane for lane in await operations.all_lanes(keeper)}
    spans: dict[LaneKey, tuple[int, int]] = {}
    begin: list[int] = []
    async with log_offsets.connect(settings) as logs:
        bounds = await logs.bounds(logs.existing_lanes())
        for key, of_log in bounds.items():
            if of_log.first > 0 and (oldest := await logs.record_at(key, 0)):
                begin.append(oldest[1])
            end = min(lanes[key].next_offset, of_log.end) if key in lanes else 0
            first = await logs.offset_at(key, since)
            if first is not None and first < end:
                spans[key] = (first, end)
    return PastRecords(spans, max(begin, default=None))


async def read_topics(
    settings: Settings,
    past: PastRecords,
    events: SortedEvents,
    *,
    account: str,
    types: AbstractSet[str] = frozenset(),
    most: float = math.inf,
    within: float = math.inf,
    progress: Callable[[int], None] = lambda _offsets: None,
) -> Mapping[LaneKey, tuple[int, int]]:
    """Add the events of an account, of these types only unless there are none, to `events`.

    Returns what is left to be read: something may be once there are `most` events, or so many seconds (`within`)
    have passed. progress: called with the number of offsets passed. Raises UnreadableLanesError where a batch
    cannot be decoded, and KafkaError if brokers do not answer.
    """
    if not past.spans:
        return {}
    wanted = _Wanted(account, types)
    async with _reading(settings) as source:
        at = {key: first for key, (first, _) in past.spans.items()}
        left = set(at)
        source.assign(at, {})
        began = moved_at = time.monotonic()
        while left and len(events) < most and time.monotonic() - began < within:
            try:
                records = await source.fetch(wait=_WAIT)
            except UnreadableLanesError as error:
                if not error.out_of_range:
                    raise
                # Their beginnings have been deleted since.
                at |= {key: first for key, (first, _) in (await source.bounds(error.lanes)).items()}
                source.assign({key: at[key] for key in left}, {})
                continue
            for place, record in enumerate(records):
                if place % _TURN == 0:
                    await asyncio.sleep(0)
                if record.offset < past.spans[record.topic, record.partition][1]:
                    wanted.add_to(events, record)
            before, at = at, at | await source.positions()
            if at != before:
                moved_at = time.monotonic()
            elif time.monotonic() - moved_at > _PATIENCE:
                raise KafkaTimeoutError(f"no records within {_PATIENCE:g} s")
            passed = {key for key in left if at[key] >= past.spans[key][1]}
            source.pause(passed)
            left -= passed
            progress(sum(min(at[key], end) - first for key, (first, end) in past.spans.items()))
        return {key: (at[key], past.spans[key][1]) for key in left}


@dataclass(frozen=True, slots=True)
class _Wanted:
    account: str
    types: AbstractSet[str]

    def add_to(self, events: SortedEvents, record: Record) -> None:
        """Add the event of a record, if it is one that is wanted."""
        event = decode(record)
        if not isinstance(event, Event) or event.account != self.account:
            return
        if not self.types or event.type in self.types:
            events.add(event, msgspec.structs.replace(record, key=None, value=None, headers=()))


@asynccontextmanager
async def _reading(settings: Settings) -> AsyncIterator[Source]:
    source = Source(settings, role="backfill")
    await source.start()
    try:
        yield source
    finally:
        await source.stop()
