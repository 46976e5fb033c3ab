"""A dedup key as it is remembered, and the rule for new events of it. Pure.

Most new events come after everything that has counted: what is remembered decides. An event that is late, settled
or near a fixed point needs some of the key's entries on the timeline; `reach` says which.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from consumer.domain.verdict_rule import judge, judge_settled
from schemas.vocabulary import Policy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.domain.verdict_rule import Edition

# The place of an event in event order (4.2): occurred_at, event key.
Order: TypeAlias = "tuple[datetime, bytes]"

_END = datetime.max.replace(tzinfo=UTC)


class KeyState(msgspec.Struct, gc=False):
    """What is remembered of a dedup key.

    count: how often it has counted. last_counted: the last ordinary event that counts. last_fixed_at: the last
    fixed point. Neither is remembered where the edition counts always.
    """

    count: int = 0
    last_counted: Order | None = None
    last_fixed_at: datetime | None = None


class StoredEntry(msgspec.Struct, gc=False):
    """An entry of the key on the timeline. edition: by number; is_counted: its verdict so far."""

    order: Order
    edition: int
    settled: bool
    is_counted: bool
    xp_worth: int
    credit_number: int


class KeyJudgement(msgspec.Struct, gc=False):
    """What new events make of a key.

    ordinary, settled: whether each new event counts. flipped: stored entries whose verdict turns over.
    """

    ordinary: Sequence[bool]
    settled: Sequence[bool]
    flipped: Sequence[StoredEntry]
    state: KeyState


def reach(
    state: KeyState, edition: Edition, ordinary: Sequence[Order], settled: Sequence[Order]
) -> tuple[datetime, datetime] | None:
    """Return the span of event time, both ends included, whose stored entries decide too; None: none do.

    ordinary, settled: the new events, in event order. Of the entries in the span `judge_new` takes those of this
    edition that are not excluded, and whatever has counted under older ones.
    """
    is_late = bool(ordinary) and state.last_counted is not None and ordinary[0] < state.last_counted
    if edition.policy is Policy.ONCE:
        # Only the event that counts now can turn over.
        return (state.last_counted[0], state.last_counted[0]) if is_late and state.last_counted else None
    is_near_fixed_point = (
        bool(ordinary)
        and state.last_fixed_at is not None
        and ordinary[0][0] < state.last_fixed_at + edition.interval
    )
    if not (is_late or is_near_fixed_point or settled):
        return None
    first = min(events[0][0] for events in (ordinary, settled) if events)
    last = max(events[-1][0] for events in (ordinary, settled) if events)
    # After a late event every verdict may change.
    return first - edition.interval, _END if is_late else last + edition.interval


def judge_next(state: KeyState, edition: Edition, order: Order) -> bool | None:
    """Return whether one ordinary event counts by what is remembered alone; None where `reach` gives a span.

    The usual case, at a tenth of what `reach` and `judge_new` take.
    """
    last, fixed = state.last_counted, state.last_fixed_at
    if last is not None and order < last:
        return None
    fixed_points: tuple[datetime, ...] = ()
    if fixed is not None:
        if edition.policy is Policy.ONCE:
            fixed_points = (fixed,)
        elif order[0] < fixed + edition.interval:
            return None
    [counts] = judge(
        order[:1], edition, fixed_points=fixed_points, last_counted=None if last is None else last[0]
    )
    return counts


def judge_new(
    state: KeyState,
    edition: Edition,
    number: int,
    *,
    ordinary: Sequence[Order],
    settled: Sequence[Order],
    stored: Sequence[StoredEntry] = (),
) -> KeyJudgement:
    """Judge new events of a key (4.8 to 4.12).

    number: of the edition. ordinary, settled: in event order. stored: the entries in the span of `reach`.
    """
    fixed_points = [entry.order[0] for entry in stored if entry.is_counted and _is_fixed(entry, number)]
    if edition.policy is Policy.ONCE and state.last_fixed_at is not None:
        fixed_points.append(state.last_fixed_at)
    fixed_points.sort()

    # Ordinary events: new ones and, of a late key, the stored ones after the first of them.
    last_counted, after = state.last_counted, list[StoredEntry]()
    if ordinary and last_counted is not None and ordinary[0] < last_counted:
        of_edition = [entry for entry in stored if not _is_fixed(entry, number)]
        before = [entry.order for entry in of_edition if entry.is_counted and entry.order < ordinary[0]]
        last_counted = max(before, default=None)
        after = [entry for entry in of_edition if entry.order > ordinary[0]]
    walk: list[tuple[Order, StoredEntry | None]] = [(order, None) for order in ordinary]
    if after:
        walk += [(entry.order, entry) for entry in after]
        walk.sort(key=lambda one: one[0])
    counts = judge(
        [order[0] for order, _ in walk],
        edition,
        fixed_points=fixed_points,
        last_counted=last_counted[0] if last_counted else None,
    )
    judged = list(zip(walk, counts, strict=True))
    flipped = [entry for (_, entry), does in judged if entry is not None and entry.is_counted != does]
    last_counted = next((order for (order, _), does in reversed(judged) if does), state.last_counted)

    # Settled events, against whatever counts by now.
    settled_counts: Sequence[bool] = ()
    last_fixed_at = state.last_fixed_at
    if settled:
        judged_again = {entry.order for entry in after}
        counted = [order[0] for (order, _), does in judged if does]
        counted += [
            entry.order[0] for entry in stored if entry.is_counted and entry.order not in judged_again
        ]
        if edition.policy is Policy.ONCE:
            counted += [point for point in (state.last_fixed_at, last_counted and last_counted[0]) if point]
        counted.sort()
        settled_counts = judge_settled([order[0] for order in settled], edition, counted=counted)
        fixed_now = [order[0] for order, does in zip(settled, settled_counts, strict=True) if does]
        last_fixed_at = max(
            (point for point in (last_fixed_at, *fixed_now) if point is not None), default=None
        )

    steps = sum(counts[place] for place, (_, entry) in enumerate(walk) if entry is None) + sum(settled_counts)
    steps += sum(-1 if entry.is_counted else 1 for entry in flipped)
    new_counts = [does for (_, entry), does in judged if entry is None]
    return KeyJudgement(
        new_counts, settled_counts, flipped, KeyState(state.count + steps, last_counted, last_fixed_at)
    )


def _is_fixed(entry: StoredEntry, number: int) -> bool:
    return entry.settled or entry.edition < number
