"""Which lanes a pipeline reads: those of its slices, taken over when a lease begins, let go when it ends.

Owns keeping four things in step between batches: the leases, the rows of `lanes`, what the ingest believes, and
what the source reads. Never moves a position, and takes a lane only while it holds the lane's slice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from consumer.infra.postgres.connection_keeper import ConnectionKeeper
from consumer.ingest.stall_detector import Standstill
from consumer.lanes import positions as lanes
from schemas.names import LaneStop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from consumer.domain.model import Record
    from consumer.infra.clock import Clock
    from consumer.infra.postgres.connection import Connection
    from consumer.infra.settings import Settings
    from consumer.ingest.batch_processor import Ingest
    from consumer.ingest.source import Source
    from consumer.ingest.triage import Decoded
    from consumer.lanes.leases import SliceLeases
    from consumer.lanes.log_watcher import LogWatcher
    from consumer.lanes.positions import Lane, LaneKey

log = structlog.get_logger(__name__)

# Seconds: from one look at the rows to the next, and until a lane is tried again that could not be read.
_EVERY = 1.0
_TRY_AGAIN = 10.0


class StuckError(Exception):
    """Lanes stand still, and no other worker is there to try them: a new client may help."""


class Ownership:
    """The lanes of one pipeline."""

    def __init__(
        self,
        number: int,
        settings: Settings,
        ingest: Ingest,
        leases: SliceLeases,
        log_watcher: LogWatcher,
        *,
        connect: Callable[[], Awaitable[Connection]],
        clock: Clock,
    ) -> None:
        self._number = number
        self._settings = settings
        self._ingest = ingest
        self._leases = leases
        self._log_watcher = log_watcher
        self._database = ConnectionKeeper(connect)
        self._clock = clock
        # The slices whose lanes were taken, with the leases' epochs.
        self._slices: dict[int, int] = {}
        self._looked_at = float("-inf")
        # Lanes whose last record must still be seen to be the one they remember.
        self._unproven: set[LaneKey] = set()
        self._unreadable: dict[LaneKey, float] = {}
        self._standstill = Standstill()
        self._had_time = False
        self._moved: set[LaneKey] = set()
        # Whether the source may stand elsewhere than the lanes do.
        self._astray = True

    # Between batches ---------------------------------------------------------------------------------------

    async def keep_up(self, source: Source) -> None:
        """Bring everything into step; cheap where nothing is due.

        Raises KafkaError where brokers do not answer, what asyncpg raises, and StuckError.
        """
        now = self._clock.monotonic()
        leased = self._leases.held(self._number)
        self._let_go(number for number, epoch in self._slices.items() if leased.get(number) != epoch)
        if back := self._leases.surplus(self._number) & leased.keys():
            await self.give_back(back)
            leased = self._leases.held(self._number)
        lost = any(self._waits_for(key, leased) for key in self._log_watcher.suspect | self._moved)
        # A topic that is gone may be there again, as another, before its turn comes.
        lost = lost or not self._ingest.lanes.keys() <= self._log_watcher.lanes
        if now - self._looked_at >= _EVERY or leased.keys() != self._slices.keys() or lost:
            await self._look(source, leased)
            self._looked_at = now
            await self._mind_standstill(source, now)
        self._follow(source, now)

    async def give_back(self, numbers: Iterable[int] | None = None) -> None:
        """Give slices back, all of them if not told which; call it between batches."""
        numbers = set(self._leases.held(self._number) if numbers is None else numbers)
        self._let_go(numbers)
        await self._leases.release(self._number, numbers)

    def forget(self) -> None:
        """Take every lane anew when it is looked at next: what was known of them is in doubt."""
        self._let_go(list(self._slices))
        self._ingest.lanes.clear()
        self._database.drop()

    def had_time(self) -> None:
        """Note that a fetch found nothing: a lane that does not move now is not waiting for its turn."""
        self._had_time = True

    # What records and errors say ---------------------------------------------------------------------------

    async def proven(self, fetched: Sequence[Decoded]) -> Sequence[Decoded]:
        """Return what was fetched without that of lanes whose log turns out to be another; these stop.

        The first record of a lane just taken is the last one it has processed, if that can still be read. Without
        those of lanes, too, whose log was found to be away or to have gone back: they may have been fetched from
        another since, and come again once the lane was taken anew.
        """
        if self._log_watcher.suspect:
            fetched = [one for one in fetched if one.lane not in self._log_watcher.suspect]
        if not self._unproven:
            return fetched
        wrong: set[LaneKey] = set()
        for one in fetched:
            key = one.lane
            if key in self._unproven:
                self._unproven.discard(key)
                lane = self._ingest.lanes.get(key)
                if lane is not None and not _remembers(lane, one.record):
                    wrong.add(key)
        for key in wrong:
            self._ingest.lanes[key] = await self._stopped(self._ingest.lanes[key], LaneStop.TOPIC_RECREATED)
        return [one for one in fetched if one.lane not in wrong]

    def out_of_range(self, keys: Iterable[LaneKey]) -> None:
        """Look at the bounds of these lanes' logs before they are read on."""
        for key in keys:
            self._ingest.lanes.pop(key, None)
            self._moved.add(key)

    def unreadable(self, keys: Iterable[LaneKey]) -> None:
        """Leave these lanes out for a while: what stands there cannot be read; others go on."""
        for key in keys:
            self._unreadable[key] = self._clock.monotonic() + _TRY_AGAIN

    # Steps -------------------------------------------------------------------------------------------------

    def _let_go(self, numbers: Iterable[int]) -> None:
        gone = set(numbers)
        for number in gone:
            self._slices.pop(number, None)
        for key in [key for key in self._ingest.lanes if key[1] in gone]:
            del self._ingest.lanes[key]

    def _waits_for(self, key: LaneKey, leased: dict[int, int]) -> bool:
        return key[1] in leased and key in self._log_watcher.lanes

    async def _look(self, source: Source, leased: dict[int, int]) -> None:
        """Read the rows of all lanes of the slices, and take those that are not taken."""
        held = self._ingest.lanes
        suspect = {key for key in self._log_watcher.suspect if key[1] in leased}
        self._log_watcher.suspect -= suspect
        for key in suspect | {key for key in held if key not in self._log_watcher.lanes}:
            held.pop(key, None)
        self._moved.clear()
        if not leased:
            self._slices = {}
            return
        connection = await self._database.get()
        rows = await lanes.read_slices(connection, leased, self._settings.topics)
        there = {key: row for key, row in rows.items() if key in self._log_watcher.lanes}
        anew = []
        for key, row in there.items():
            if key in held and held[key].epoch == row.epoch:
                self._astray = self._astray or held[key].next_offset != row.next_offset
                held[key] = row
            else:
                held.pop(key, None)
                anew.append(key)
        if anew:
            await self._take(source, connection, anew, leased)
        self._slices = leased

    async def _take(
        self, source: Source, connection: Connection, keys: list[LaneKey], leased: dict[int, int]
    ) -> None:
        # Records of theirs may have been fetched and dropped.
        self._astray = True
        taken = await lanes.take_held(connection, keys, leased, self._leases.worker)
        bounds = await source.bounds(lane.key for lane in taken)
        found = {}
        for lane in taken:
            self._unproven.discard(lane.key)
            self._unreadable.pop(lane.key, None)
            first, end = bounds[lane.key]
            if reason := _lost(lane, first, end):
                found[lane.key] = await self._stopped(lane, reason)
                continue
            found[lane.key] = lane
            if lane.last_checksum is not None and first < lane.next_offset:
                self._unproven.add(lane.key)
        self._ingest.lanes.update(found)
        if taken:
            log.info("lanes taken", lanes=len(taken), pipeline=self._number)

    async def _stopped(self, lane: Lane, reason: LaneStop) -> Lane:
        log.error("lane stopped", reason=reason, topic=lane.topic, partition=lane.partition)
        await lanes.stop(await self._database.get(), lane, reason)
        return lanes.stopped(lane, reason)

    def _follow(self, source: Source, now: float) -> None:
        """Read what the ingest waits for, where that has changed."""
        readable = {
            key: lane.next_offset - (key in self._unproven)
            for key, lane in self._ingest.lanes.items()
            if not lane.stopped and self._unreadable.get(key, now) <= now
        }
        # Only on a change: each time, what was fetched ahead of all lanes is thrown away.
        if self._astray or source.lanes != readable.keys():
            held = self._ingest.lanes.items()
            standing = {key: lane.next_offset for key, lane in held if key not in readable}
            source.read(readable, standing)
            self._astray = False

    async def _mind_standstill(self, source: Source, now: float) -> None:
        """Give up slices whose lanes stand still although records wait; raises StuckError where nobody else is."""
        positions = await source.positions()
        waiting = {
            key: lane.next_offset
            for key, lane in self._ingest.lanes.items()
            if not lane.stopped
            and self._log_watcher.end_offsets.get(key, 0) > max(lane.next_offset, positions.get(key, 0))
        }
        stuck = self._standstill.look(now, waiting, had_time=self._had_time)
        self._had_time = False
        if not stuck:
            return
        self._standstill = Standstill()
        log.error("lanes stand still", lanes=sorted(stuck), others=self._leases.other_workers_alive)
        if not self._leases.other_workers_alive:
            raise StuckError(f"{len(stuck)} lanes stand still")
        numbers = {partition for _, partition in stuck}
        self._let_go(numbers)
        await self._leases.release(self._number, numbers, unreadable=True)

    # Its connection ----------------------------------------------------------------------------------------


def _lost(lane: Lane, first: int, end: int) -> LaneStop | None:
    """Tell why a lane cannot be read where it stands: its records are gone, or the log ends before it."""
    if lane.stopped:
        return None
    if lane.next_offset < first:
        return LaneStop.LOG_TRUNCATED
    if lane.next_offset > end:
        return LaneStop.TOPIC_RECREATED
    return None


def _remembers(lane: Lane, record: Record) -> bool:
    """Tell whether a record may be what the lane has read, as far as it is the one it read last."""
    if record.offset != lane.next_offset - 1:
        return True
    return (lane.last_timestamp, lane.last_checksum) == (record.timestamp, lanes.checksum(record))
