"""The rule of docs/semantics.md §4: which events of a dedup key count. Pure; the only place that decides a verdict.

Batches judge new events by it (dedup_key.py), a rejudgement the whole history of a definition, and `engagement
verify` what is stored (`wrong_verdicts`).

Cooldown of one day, a fixed point at 5 March 12:00:

    1 March 10:00    counted         the first event
    2 March 09:59    cooling_down    23 h 59 min after the last counted event
    2 March 10:00    counted         exactly one day after it: not less
    3 March 09:00    cooling_down    23 h after the last counted event
    4 March 13:00    cooling_down    23 h before the fixed point
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from schemas.vocabulary import Per, Policy, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Edition:
    """One state of a definition's dedup policy; interval: of a cooldown, else 0."""

    policy: Policy
    interval: timedelta
    per: Per

    @classmethod
    def stored(cls, policy: str, interval_seconds: int | None, per: str) -> Edition:
        """Return an edition from its columns."""
        return cls(Policy(policy), timedelta(seconds=interval_seconds or 0), Per(per))


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """A stored entry of one contact and definition, as far as judging needs it. edition: by number.

    came_by: the number of an id that was joined to the contact's, None for its own.
    """

    occurred_at: datetime
    event_key: bytes
    edition: int
    object_id: str | None
    settled: bool
    verdict: Verdict
    came_by: int | None = None

    @property
    def order(self) -> tuple[datetime, bytes]:
        """The place of the event in event order (4.2)."""
        return self.occurred_at, self.event_key


def judge(
    times: Sequence[datetime],
    edition: Edition,
    *,
    fixed_points: Sequence[datetime] = (),
    last_counted: datetime | None = None,
) -> list[bool]:
    """Return which of the ordinary events of a dedup key count (4.3 to 4.6).

    times: in event order. fixed_points: sorted. last_counted: of the events before these, None where none counted.
    """
    if edition.policy is Policy.ALWAYS:
        return [True] * len(times)
    if edition.policy is Policy.ONCE:
        nothing_counts = last_counted is not None or bool(fixed_points)
        return [not nothing_counts and place == 0 for place in range(len(times))]
    interval = edition.interval
    counts = []
    for time in times:
        cooling = last_counted is not None and time - last_counted < interval
        if cooling or (fixed_points and _is_near(time, fixed_points, interval)):
            counts.append(False)
        else:
            counts.append(True)
            last_counted = time
    return counts


def judge_settled(times: Sequence[datetime], edition: Edition, *, counted: Sequence[datetime]) -> list[bool]:
    """Return which of the settled events of a dedup key count (4.9 to 4.12).

    times: in event order. counted: whatever counts in the key, ordinary events and fixed points, sorted; under
    `cooldown` what lies an interval or more from all of `times` may be left out.
    """
    if edition.policy is Policy.ALWAYS:
        return [True] * len(times)
    if edition.policy is Policy.ONCE:
        return [not counted and place == 0 for place in range(len(times))]
    counts = []
    taken = list(counted)
    for time in times:
        counts.append(not _is_near(time, taken, edition.interval))
        if counts[-1]:
            insort(taken, time)
    return counts


def verdict_of(*, counts: bool, policy: Policy) -> Verdict:
    """Return the verdict of an event that counts or does not, under this policy."""
    if counts:
        return Verdict.COUNTED
    return Verdict.ALREADY_COUNTED if policy is Policy.ONCE else Verdict.COOLING_DOWN


def _is_near(time: datetime, points: Sequence[datetime], interval: timedelta) -> bool:
    """Return True if one of the sorted points lies less than the interval from the time, on either side."""
    place = bisect_left(points, time)
    return (place < len(points) and points[place] - time < interval) or (
        place > 0 and time - points[place - 1] < interval
    )


def wrong_verdicts(
    entries: Sequence[TimelineEntry], editions: Mapping[int, Edition]
) -> list[tuple[TimelineEntry, Verdict]]:
    """Return the entries of one contact and definition whose verdict breaks the rule, each with the right one.

    editions: by number. Settled verdicts depend on what had arrived before them and are not judged again (4.9), but
    a counted one has to keep the distance of 4.11 from everything else that counts.
    """
    timeline = sorted(entries, key=lambda entry: entry.order)
    by_edition: dict[int, list[TimelineEntry]] = {}
    for entry in timeline:
        by_edition.setdefault(entry.edition, []).append(entry)
    counted_by_key = {
        per: _CountedEntries(timeline, per) for per in {editions[one].per for one in by_edition}
    }
    wrong: list[tuple[TimelineEntry, Verdict]] = []
    for number, of_edition in sorted(by_edition.items()):
        edition = editions[number]
        for dedup_key, of_key in _by_dedup_key(of_edition, edition.per).items():
            older = counted_by_key[edition.per].of_older_editions(dedup_key, number, edition, of_key)
            settled = [entry for entry in of_key if entry.settled and entry.verdict is Verdict.COUNTED]
            fixed_points = sorted([*older, *settled], key=lambda entry: entry.order)
            events = [entry for entry in of_key if not entry.settled]
            counts = judge(
                [event.occurred_at for event in events],
                edition,
                fixed_points=[point.occurred_at for point in fixed_points],
            )
            for event, does in zip(events, counts, strict=True):
                verdict = verdict_of(counts=does, policy=edition.policy)
                if event.verdict is not verdict:
                    wrong.append((event, verdict))
            counted = [event for event, does in zip(events, counts, strict=True) if does]
            # Settled entries of ids that were joined later have kept their verdicts (8.13).
            if len({entry.came_by for entry in (*fixed_points, *counted)}) <= 1:
                wrong += _wrong_fixed_points(fixed_points, counted, number, edition)
    return wrong


class _CountedEntries:
    """The counted entries of one contact and definition by the dedup keys of editions with one scope.

    Finds fixed points without a look at entries that lie elsewhere: with many editions, to look at all of them for
    each edition would take quadratic time.
    """

    def __init__(self, timeline: Iterable[TimelineEntry], per: Per) -> None:
        self._by_key: dict[str | None, list[TimelineEntry]] = {}
        self._of_first_edition: dict[str | None, TimelineEntry] = {}
        for entry in timeline:
            if entry.verdict is Verdict.COUNTED:
                key = _judged_object(entry, per)
                self._by_key.setdefault(key, []).append(entry)
                if entry.edition < self._of_first_edition.setdefault(key, entry).edition:
                    self._of_first_edition[key] = entry

    def of_older_editions(
        self, dedup_key: str | None, number: int, edition: Edition, events: Sequence[TimelineEntry]
    ) -> list[TimelineEntry]:
        """Return the entries of older editions that are fixed points of these events (3.17) and can matter to them.

        events: those of the dedup key under the edition with this number, in event order. Under `once` one fixed
        point is as good as all of them, under `cooldown` those within an interval of the events are.
        """
        first = self._of_first_edition.get(dedup_key)
        if first is None or first.edition >= number or edition.policy is Policy.ALWAYS:
            return []
        if edition.policy is Policy.ONCE:
            return [first]
        points = self._by_key[dedup_key]
        begin = bisect_left(points, events[0].occurred_at - edition.interval, key=_occurred_at)
        end = bisect_right(points, events[-1].occurred_at + edition.interval, key=_occurred_at)
        return [point for point in points[begin:end] if point.edition < number]


def _occurred_at(entry: TimelineEntry) -> datetime:
    return entry.occurred_at


def _wrong_fixed_points(
    fixed_points: Sequence[TimelineEntry], counted: Sequence[TimelineEntry], number: int, edition: Edition
) -> list[tuple[TimelineEntry, Verdict]]:
    """Return the settled entries of an edition that count although 4.11 does not allow it.

    number: of the edition. Settled entries of older ones were judged by these, and are not held to this one.
    """
    settled = [point for point in fixed_points if point.edition == number]
    if edition.policy is Policy.ONCE:
        allowed = 1 if len(settled) == len(fixed_points) else 0
        return [(point, Verdict.ALREADY_COUNTED) for point in settled[allowed:]]
    if edition.policy is Policy.COOLDOWN and settled:
        all_counted = sorted([*fixed_points, *counted], key=lambda entry: entry.order)
        return [
            (later if _is_settled_under(later, number) else earlier, Verdict.COOLING_DOWN)
            for earlier, later in pairwise(all_counted)
            if (_is_settled_under(earlier, number) or _is_settled_under(later, number))
            and later.occurred_at - earlier.occurred_at < edition.interval
        ]
    return []


def _is_settled_under(entry: TimelineEntry, number: int) -> bool:
    return entry.settled and entry.edition == number


def _by_dedup_key(entries: Iterable[TimelineEntry], per: Per) -> dict[str | None, list[TimelineEntry]]:
    """Return the entries that have a place in the order, robots' left out (4.7), by dedup key."""
    by_key: dict[str | None, list[TimelineEntry]] = {}
    for entry in entries:
        if entry.verdict is not Verdict.EXCLUDED:
            by_key.setdefault(_judged_object(entry, per), []).append(entry)
    return by_key


def _judged_object(entry: TimelineEntry, per: Per) -> str | None:
    """Return the object of the entry's dedup key; None is also the key of all events without an object (4.1)."""
    return entry.object_id if per is Per.OBJECT else None
