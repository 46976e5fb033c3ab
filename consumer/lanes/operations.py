"""What operators do with lanes: list, pause, resume, seek.

Each change is a statement of its own and holds at once, also while a worker reads the lane: the fence makes a batch
fail whose lane was paused or moved meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer.infra.postgres.retry import retry_transient
from consumer.lanes import positions
from schemas.vocabulary import LaneStop
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from consumer.infra.postgres.connection_keeper import ConnectionKeeper
    from consumer.lanes.log_offsets import LogBounds
    from consumer.lanes.positions import Lane, LaneKey

_SQL = queries("lanes")

# Reasons that `resume` ends. With the others the log does not match the position, and only `seek` helps.
RESUMABLE = (LaneStop.DEAD_LETTERS, LaneStop.PAUSED)

_WHY = {
    LaneStop.DEAD_LETTERS: f"{positions.DEAD_LIMIT} of its last {positions.DEAD_SPAN} records were dead letters",
    LaneStop.LOG_TRUNCATED: "the log begins after its position: records were deleted before they were read",
    LaneStop.TOPIC_RECREATED: "the log is not the one it has read: the topic was recreated",
    LaneStop.PAUSED: "paused by an operator",
}


@dataclass(frozen=True, slots=True)
class LaneStatus:
    """A lane and the bounds of its log. lane: None if never read. bounds: None if brokers did not answer."""

    key: LaneKey
    lane: Lane | None
    bounds: LogBounds | None

    @property
    def lag(self) -> int | None:
        """Records not processed yet, markers at the end of the log apart.

        Where more wait than one fetch returns, and from an open transaction on, every offset counts as a record.
        """
        if self.bounds is None:
            return None
        if self.lane is None or self.lane.stopped == LaneStop.TOPIC_RECREATED:
            # Nothing of this log has been read: a position in another one says nothing about it.
            return self.bounds.end - self.bounds.first + self.held_back
        begin = self.lane.next_offset
        stable = max(0, self.bounds.end - begin)
        if stable and self.bounds.pending is not None:
            stable = self.bounds.pending.lag(begin, self.bounds.first, self.bounds.end)
        return stable + self.held_back

    @property
    def held_back(self) -> int:
        """Offsets of the log from a producer's open transaction on: nothing from there on can be read yet."""
        return 0 if self.bounds is None else self.bounds.high_watermark - self.bounds.end


def lane_statuses(rows: Sequence[Lane], bounds: Mapping[LaneKey, LogBounds]) -> list[LaneStatus]:
    """Join lanes with the bounds of their logs, in order; includes logs that were never read."""
    known = {lane.key: lane for lane in rows}
    return [LaneStatus(key, known.get(key), bounds.get(key)) for key in sorted(known.keys() | bounds.keys())]


def explain_stop(stopped: str) -> str:
    """Return the reason of a stop in words."""
    return _WHY[LaneStop(stopped)]


def suggest_command(lane: Lane) -> str:
    """Return the commands that start a stopped lane again, the best first."""
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
    """Pause a lane and return why it was stopped before, None if it was running.

    A lane that is stopped keeps its reason. Raises LookupError if there is no such lane.
    """
    return await _change(keeper, _SQL["pause"], *key)


async def resume(
    keeper: ConnectionKeeper, key: LaneKey, reasons: Sequence[LaneStop] = RESUMABLE
) -> LaneStop | None:
    """Resume a lane that is stopped for one of these reasons; return why it was stopped, None if it was running.

    A lane that is stopped for another reason stays stopped; so does one whose log does not match its position,
    whatever `reasons` says. Raises LookupError if there is no such lane.
    """
    allowed = [reason.value for reason in reasons if reason in RESUMABLE]
    return await _change(keeper, _SQL["resume"], *key, allowed)


async def seek(keeper: ConnectionKeeper, lane: Lane, offset: int) -> tuple[int, LaneStop | None] | None:
    """Move a lane to an offset and return its old offset and stop reason; None if its epoch changed meanwhile.

    Fences the worker that reads the lane; it has to take the lane again. The count of dead records restarts. A lane
    whose log did not match its position is running again; one that is paused, or stopped for its dead records,
    stays stopped.
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
