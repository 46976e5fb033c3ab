"""What people do about lanes: look at them, pause and resume them, put them elsewhere in their logs.

Owns those changes to the rows of `lanes`, each made on its own and at once, beside whoever reads the lane. A worker
notices by its fence: a batch whose lane was paused or put elsewhere has no effect. Never decides that a lane stops
by itself: that are the batch and whoever loads lanes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer.infra.postgres.retry import retry_transient
from consumer.lanes import positions
from schemas.names import LaneStop
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from consumer.infra.postgres.connection_keeper import ConnectionKeeper
    from consumer.lanes.log_offsets import LogBounds
    from consumer.lanes.positions import Lane, LaneKey

_SQL = queries("lanes")

# Those that a resume ends; of the others the log does not fit the position, and only a seek helps.
RESUMABLE = (LaneStop.DEAD_LETTERS, LaneStop.PAUSED)

_WHY = {
    LaneStop.DEAD_LETTERS: f"{positions.DEAD_LIMIT} of its last {positions.DEAD_SPAN} records were dead letters",
    LaneStop.LOG_TRUNCATED: "the log begins behind it: the records that it waits for are gone",
    LaneStop.TOPIC_RECREATED: "the log is another one than it has read: the topic was created anew",
    LaneStop.PAUSED: "somebody paused it",
}


@dataclass(frozen=True, slots=True)
class LaneStatus:
    """A lane beside its log. lane: None where it was never read. bounds: None where brokers did not tell."""

    key: LaneKey
    lane: Lane | None
    bounds: LogBounds | None

    @property
    def lag(self) -> int | None:
        """Offsets between the lane and the end of its log: records at most, transaction markers count too."""
        if self.bounds is None:
            return None
        begin = self.bounds.first if self.lane is None else self.lane.next_offset
        return max(0, self.bounds.end - begin)


def lane_statuses(rows: Sequence[Lane], bounds: Mapping[LaneKey, LogBounds]) -> list[LaneStatus]:
    """Put lanes beside their logs, in order; those that have a log and were never read come too."""
    known = {lane.key: lane for lane in rows}
    return [LaneStatus(key, known.get(key), bounds.get(key)) for key in sorted(known.keys() | bounds.keys())]


def explain_stop(stopped: str) -> str:
    """Say in words why a lane stands still."""
    return _WHY[LaneStop(stopped)]


def suggest_command(lane: Lane) -> str:
    """Say which commands let a stopped lane go on, the best first."""
    where = f"{lane.topic} {lane.partition}"
    resume = f"engagement lanes resume {where}"
    match lane.stopped:
        case LaneStop.DEAD_LETTERS:
            return f"engagement dead-letters list --topic {lane.topic}; then {resume}"
        case LaneStop.PAUSED:
            return resume
        case _:
            return f"engagement lanes seek {where} --to earliest"


async def all_lanes(keeper: ConnectionKeeper) -> list[Lane]:
    """Return every lane that was ever read."""
    return await retry_transient(keeper, positions.read_all)


async def pause(keeper: ConnectionKeeper, key: LaneKey) -> str | None:
    """Let a lane stand still and return why it did before; None where it went on until now.

    Raises LookupError where there is no such lane.
    """
    return await _change(keeper, _SQL["pause"], *key)


async def resume(
    keeper: ConnectionKeeper, key: LaneKey, reasons: Sequence[LaneStop] = RESUMABLE
) -> LaneStop | None:
    """Let a lane go on that stands still for one of these reasons, and return for which; None where it did not.

    One whose log does not fit it never goes on by this. Raises LookupError where there is no such lane.
    """
    allowed = [reason.value for reason in reasons if reason in RESUMABLE]
    return await _change(keeper, _SQL["resume"], *key, allowed)


async def seek(keeper: ConnectionKeeper, lane: Lane, offset: int) -> tuple[int, LaneStop | None] | None:
    """Put a lane at an offset and return where it stood and why it stood still; None where it changed hands.

    Whoever reads it is fenced and has to take it over again. Its dead records are counted anew, and it goes on if
    it had stopped for not fitting its log; paused or stopped for its dead records it stays.
    """
    rows = await retry_transient(
        keeper,
        lambda connection: connection.fetch(_SQL["seek"], lane.topic, lane.partition, lane.epoch, offset),
    )
    if not rows:
        return None
    return rows[0]["next_offset"], _reason(rows[0]["stopped"])


async def _change(keeper: ConnectionKeeper, statement: str, *arguments: object) -> LaneStop | None:
    rows = await retry_transient(keeper, lambda connection: connection.fetch(statement, *arguments))
    if not rows:
        raise LookupError("no such lane")
    return _reason(rows[0]["stopped"])


def _reason(stopped: str | None) -> LaneStop | None:
    return None if stopped is None else LaneStop(stopped)
