"""The rule of docs/semantics.md §4 in plain Python: which events of a dedup key count. Pure.

`engagement verify` checks stored verdicts with `wrong_verdicts`. The rule is written once more here, on purpose
(docs/decisions/0004): the statement that judges batches (sql/queries/apply.sql, sql/functions/cooldown.sql) reads
gates and judges only what can have changed; this page has no gates and judges every dedup key from its first event.

Cooldown of one day, a fixed point at 5 March 12:00:

    1 March 10:00    counted         the first event
    2 March 09:59    cooling_down    23 h 59 min after the last counted event
    2 March 10:00    counted         exactly one day after it: not less
    3 March 09:00    cooling_down    23 h after the last counted event
    4 March 13:00    cooling_down    23 h before the fixed point
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from schemas.vocabulary import Per, Policy, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Edition:
    """One state of a definition's dedup policy; interval: of a cooldown, else None."""

    policy: Policy
    interval: timedelta | None
    per: Per


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """A stored entry of one contact and definition, as far as judging needs it. edition: by number."""

    occurred_at: datetime
    event_key: bytes
    edition: int
    object_id: str | None
    settled: bool
    verdict: Verdict

    @property
    def order(self) -> tuple[datetime, bytes]:
        """The place of the event in event order (4.2)."""
        return self.occurred_at, self.event_key


def judge(
    events: Sequence[TimelineEntry], fixed_points: Sequence[TimelineEntry], edition: Edition
) -> list[Verdict]:
    """Return the verdicts of the ordinary events of a dedup key, which are given in event order (4.3 to 4.6)."""
    if edition.policy is Policy.ALWAYS:
        return [Verdict.COUNTED for _ in events]
    if edition.policy is Policy.ONCE:
        nothing_counts = bool(fixed_points)
        return [
            Verdict.ALREADY_COUNTED if nothing_counts or place > 0 else Verdict.COUNTED
            for place in range(len(events))
        ]
    interval = _interval(edition)
    verdicts: list[Verdict] = []
    last_counted: datetime | None = None
    for event in events:
        in_window = last_counted is not None and event.occurred_at - last_counted < interval
        if in_window or any(abs(event.occurred_at - point.occurred_at) < interval for point in fixed_points):
            verdicts.append(Verdict.COOLING_DOWN)
        else:
            verdicts.append(Verdict.COUNTED)
            last_counted = event.occurred_at
    return verdicts


def wrong_verdicts(
    entries: Sequence[TimelineEntry], editions: Mapping[int, Edition]
) -> list[tuple[TimelineEntry, Verdict]]:
    """Return the entries of one contact and definition whose verdict breaks the rule, each with the right one.

    editions: by number. Settled verdicts depend on what had arrived before them and are not judged again (4.9), but
    a counted one has to keep the distance of 4.11 from everything else that counts.
    """
    wrong: list[tuple[TimelineEntry, Verdict]] = []
    for number in sorted({entry.edition for entry in entries}):
        edition = editions[number]
        for dedup_key, of_key in _by_dedup_key(entries, number, edition.per).items():
            fixed_points = [
                entry
                for entry in entries
                if entry.verdict is Verdict.COUNTED
                and (entry.edition < number or (entry.edition == number and entry.settled))
                and _judged_object(entry, edition.per) == dedup_key
            ]
            events = sorted((entry for entry in of_key if not entry.settled), key=lambda entry: entry.order)
            verdicts = list(zip(events, judge(events, fixed_points, edition), strict=True))
            wrong += [(event, verdict) for event, verdict in verdicts if event.verdict is not verdict]
            counted = [event for event, verdict in verdicts if verdict is Verdict.COUNTED]
            wrong += _wrong_fixed_points(fixed_points, counted, edition)
    return wrong


def _wrong_fixed_points(
    fixed_points: Sequence[TimelineEntry], counted: Sequence[TimelineEntry], edition: Edition
) -> list[tuple[TimelineEntry, Verdict]]:
    """Return what counts next to a settled entry although 4.11 does not allow it."""
    if edition.policy is Policy.ONCE:
        return [(point, Verdict.ALREADY_COUNTED) for point in fixed_points[1:] if point.settled]
    if edition.policy is Policy.COOLDOWN:
        interval = _interval(edition)
        all_counted = sorted([*fixed_points, *counted], key=lambda entry: entry.order)
        return [
            (later, Verdict.COOLING_DOWN)
            for earlier, later in pairwise(all_counted)
            if (earlier.settled or later.settled) and later.occurred_at - earlier.occurred_at < interval
        ]
    return []


def _interval(edition: Edition) -> timedelta:
    if edition.interval is None:
        raise ValueError("a cooldown without an interval")
    return edition.interval


def _by_dedup_key(
    entries: Iterable[TimelineEntry], edition: int, per: Per
) -> dict[str | None, list[TimelineEntry]]:
    """Return the entries of an edition that have a place in the order, robots' left out (4.7), by dedup key."""
    by_key: dict[str | None, list[TimelineEntry]] = {}
    for entry in entries:
        if entry.edition == edition and entry.verdict is not Verdict.EXCLUDED:
            by_key.setdefault(_judged_object(entry, per), []).append(entry)
    return by_key


def _judged_object(entry: TimelineEntry, per: Per) -> str | None:
    """Return the object of the entry's dedup key; None is also the key of all events without an object (4.1)."""
    return entry.object_id if per is Per.OBJECT else None
