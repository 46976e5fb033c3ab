"""Takes the lanes of the slices that a pipeline has leased, and releases them when the lease ends.

Keeps four things in step between batches: the leases, the rows of `lanes`, the lanes held, and what the source
reads. Never moves a position, and takes a lane only while it has the lease of the lane's slice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from consumer.infra.postgres.connection_keeper import ConnectionKeeper
from consumer.ingest.stall_detector import StallDetector
from consumer.lanes import positions
from schemas.vocabulary import LaneStop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from consumer.domain.model import Record
    from consumer.infra.clock import Clock
    from consumer.infra.postgres.connection import Connection
    from consumer.infra.settings import Settings
    from consumer.ingest.batch import DecodedRecord
    from consumer.ingest.held_lanes import HeldLanes
    from consumer.ingest.source import Source
    from consumer.lanes.log_watcher import LogWatcher
    from consumer.lanes.positions import Lane, LaneKey
    from consumer.lanes.slice_leases import SliceLeases

log = structlog.get_logger(__name__)

# Seconds: between two reads of the rows, and until an unreadable lane is tried again.
_REFRESH_EVERY = 1.0
_RETRY_UNREADABLE = 10.0


class StalledError(Exception):
    """Lanes do not move, and there is no other worker to try them: a new client may help."""


class Assignment:
    """Takes and releases the lanes of one pipeline."""

    def __init__(
        self,
        number: int,
        settings: Settings,
        lanes: HeldLanes,
        leases: SliceLeases,
        log_watcher: LogWatcher,
        *,
        connect: Callable[[], Awaitable[Connection]],
        clock: Clock,
    ) -> None:
        self._number = number
        self._settings = settings
        self._lanes = lanes
        self._leases = leases
        self._log_watcher = log_watcher
        self._database = ConnectionKeeper(connect)
        self._clock = clock
        # The slices whose lanes were taken, with the leases' epochs.
        self._slices: dict[int, int] = {}
        self._refreshed_at = float("-inf")
        # Lanes whose first record has to be the last one they processed, or their log is another.
        self._unverified: set[LaneKey] = set()
        self._unreadable: dict[LaneKey, float] = {}
        self._stall_detector = StallDetector()
        self._out_of_range: set[LaneKey] = set()
        # The consumer's position may differ from the lanes' offsets: seek before the next fetch.
        self._seek_needed = True

    # Between batches ---------------------------------------------------------------------------------------

    async def sync(self, source: Source) -> None:
        """Bring leases, rows, held lanes and source into step; cheap where nothing has changed.

        Raises KafkaError where brokers do not answer, what asyncpg raises, and StalledError.
        """
        now = self._clock.monotonic()
        leased = self._leases.held(self._number)
        self._release(number for number, epoch in self._slices.items() if leased.get(number) != epoch)
        if surplus := self._leases.surplus(self._number) & leased.keys():
            await self.give_back(surplus)
            leased = self._leases.held(self._number)
        suspect = self._log_watcher.suspect | self._out_of_range
        log_changed = any(key[1] in leased and key in self._log_watcher.lanes for key in suspect)
        # A topic that was deleted may exist again, as another, before the next refresh.
        log_changed = log_changed or not self._lanes.keys() <= self._log_watcher.lanes
        if now - self._refreshed_at >= _REFRESH_EVERY or leased.keys() != self._slices.keys() or log_changed:
            await self._refresh_lanes(source, leased)
            self._refreshed_at = now
            await self._check_stalls(source, now)
        self._update_source(source, now)

    async def give_back(self, numbers: Iterable[int] | None = None) -> None:
        """Release the leases of these slices, by default of all. Call it between batches."""
        numbers = set(self._leases.held(self._number) if numbers is None else numbers)
        self._release(numbers)
        await self._leases.release(self._number, numbers)

    def forget(self) -> None:
        """Release every lane and drop the connection; the next `sync` takes the leased lanes again."""
        self._release(list(self._slices))
        self._lanes.clear()
        self._database.drop()

    def note_idle(self, seconds: float) -> None:
        """Add the seconds of an empty fetch, or of a pause with no lane to read: there was time for every lane."""
        self._stall_detector.note_idle(seconds)

    # What records and errors show --------------------------------------------------------------------------

    async def verify_first_records(self, fetched: Sequence[DecodedRecord]) -> Sequence[DecodedRecord]:
        """Return the fetched records without those of lanes whose log turns out to be another; these stop.

        The first record of a lane just taken is the last one it has processed, if that can still be read. Records
        of lanes whose log was found missing or shortened are left out too: they may be of another log, and are
        fetched again after the lane was taken anew.
        """
        if self._log_watcher.suspect:
            fetched = [one for one in fetched if one.lane not in self._log_watcher.suspect]
        if not self._unverified:
            return fetched
        wrong: set[LaneKey] = set()
        for one in fetched:
            if one.lane in self._unverified:
                self._unverified.discard(one.lane)
                lane = self._lanes.get(one.lane)
                if lane is not None and not _may_be_last_processed(lane, one.record):
                    wrong.add(one.lane)
        for key in wrong:
            self._lanes.hold([await self._stop(self._lanes[key], LaneStop.TOPIC_RECREATED)])
        return [one for one in fetched if one.lane not in wrong]

    def note_out_of_range(self, keys: Iterable[LaneKey]) -> None:
        """Check the bounds of these lanes' logs before they are read again."""
        for key in keys:
            self._lanes.release([key])
            self._out_of_range.add(key)

    def note_unreadable(self, keys: Iterable[LaneKey]) -> None:
        """Leave these lanes out for some seconds: the batch at their offset cannot be read. Others go on."""
        for key in keys:
            self._unreadable[key] = self._clock.monotonic() + _RETRY_UNREADABLE

    # Steps -------------------------------------------------------------------------------------------------

    def _release(self, numbers: Iterable[int]) -> None:
        gone = set(numbers)
        for number in gone:
            self._slices.pop(number, None)
        self._lanes.release_slices(gone)

    async def _refresh_lanes(self, source: Source, leased: dict[int, int]) -> None:
        """Read the rows of all lanes of the leased slices, and take those that are not held."""
        suspect = {key for key in self._log_watcher.suspect if key[1] in leased}
        self._log_watcher.suspect -= suspect
        self._lanes.release(suspect | (self._lanes.keys() - self._log_watcher.lanes))
        self._out_of_range.clear()
        if not leased:
            self._slices = {}
            return
        connection = await self._database.get()
        rows = await positions.read_slices(connection, leased, self._settings.topics)
        existing = {key: row for key, row in rows.items() if key in self._log_watcher.lanes}
        # Another process has moved a position: `lanes seek`.
        self._seek_needed = self._seek_needed or any(
            key in self._lanes and self._lanes[key].next_offset != row.next_offset
            for key, row in existing.items()
        )
        if not_held := self._lanes.refresh(existing):
            await self._take(source, connection, not_held, leased)
        self._slices = leased

    async def _take(
        self, source: Source, connection: Connection, keys: list[LaneKey], leased: dict[int, int]
    ) -> None:
        # Records of theirs may have been fetched and dropped.
        self._seek_needed = True
        taken = await positions.take_held(connection, keys, leased, self._leases.worker)
        bounds = await source.bounds(lane.key for lane in taken)
        found = []
        for lane in taken:
            self._unverified.discard(lane.key)
            self._unreadable.pop(lane.key, None)
            first, end = bounds[lane.key]
            if reason := _outside_log(lane, first, end):
                found.append(await self._stop(lane, reason))
                continue
            found.append(lane)
            if lane.last_checksum is not None and first < lane.next_offset:
                self._unverified.add(lane.key)
        self._lanes.hold(found)
        if taken:
            log.info("lanes taken", lanes=len(taken), pipeline=self._number)

    async def _stop(self, lane: Lane, reason: LaneStop) -> Lane:
        log.error("lane stopped", reason=reason, topic=lane.topic, partition=lane.partition)
        await positions.stop(await self._database.get(), lane, reason)
        return positions.stopped(lane, reason)

    def _update_source(self, source: Source, now: float) -> None:
        """Read the lanes held, from their positions on, if that has changed."""
        readable = {
            key: lane.next_offset - (key in self._unverified)
            for key, lane in self._lanes.items()
            if not lane.stopped and self._unreadable.get(key, now) <= now
        }
        # Only on a change: `assign` discards what the client has prefetched of all lanes.
        if self._seek_needed or source.lanes != readable.keys():
            paused = {key: lane.next_offset for key, lane in self._lanes.items() if key not in readable}
            source.assign(readable, paused)
            self._seek_needed = False

    async def _check_stalls(self, source: Source, now: float) -> None:
        """Release slices whose lanes do not move although records wait; raises StalledError in a sole worker."""
        fetched = await source.positions()
        waiting = {
            key: lane.next_offset
            for key, lane in self._lanes.items()
            if not lane.stopped
            and self._log_watcher.end_offsets.get(key, 0) > max(lane.next_offset, fetched.get(key, 0))
        }
        stuck = self._stall_detector.stuck_lanes(now, waiting)
        if not stuck:
            return
        self._stall_detector = StallDetector()
        log.error("lanes do not move", lanes=sorted(stuck), others=self._leases.other_workers_alive)
        if not self._leases.other_workers_alive:
            raise StalledError(f"{len(stuck)} lanes do not move although records wait")
        numbers = {partition for _, partition in stuck}
        self._release(numbers)
        await self._leases.release(self._number, numbers, unreadable=True)


def _outside_log(lane: Lane, first: int, end: int) -> LaneStop | None:
    """Return why a lane cannot be read at its position: its records are gone, or the log ends before it."""
    if lane.stopped:
        return None
    if lane.next_offset < first:
        return LaneStop.LOG_TRUNCATED
    if lane.next_offset > end:
        return LaneStop.TOPIC_RECREATED
    return None


def _may_be_last_processed(lane: Lane, record: Record) -> bool:
    """Return False if a record at the offset of the lane's last one is another record."""
    if record.offset != lane.next_offset - 1:
        return True
    return (lane.last_timestamp, lane.last_checksum) == (record.timestamp, positions.checksum(record))
