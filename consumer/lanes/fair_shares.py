"""Which pipeline should hold which slice: fair shares, and moving only what must move.

Owns that one decision, as a pure function: every worker comes to the same plan from the same rows, so each carries
out its own part and nobody has to be asked. Never knows of time, of leases or of a database.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True, order=True)
class PipelineId:
    """A pipeline of a worker: what slices are dealt to."""

    worker: int
    pipeline: int


@dataclass(frozen=True, slots=True)
class Slice:
    """A slice as it stands. holder: None where it is free. avoided_by: a worker that lately could not read it."""

    number: int
    holder: PipelineId | None
    avoided_by: int | None = None


def assign(slices: Iterable[Slice], members: Iterable[PipelineId]) -> dict[int, PipelineId]:
    """Return who should hold each slice; nobody holds any where there are no members.

    Shares of pipelines differ by one at most, those of workers by as little as that allows, and no plan as balanced
    moves fewer slices away from their holders. A slice that is shunned goes to another worker than the one that
    gave it up, if there is any, even at the cost of a fair share; that share is mended by the next plan.
    """
    everyone = sorted(members, key=lambda member: (member.pipeline, member.worker))
    if not everyone:
        return {}
    all_slices = sorted(slices, key=lambda one: (one.avoided_by is None, one.number))
    held: dict[PipelineId, list[Slice]] = {member: [] for member in everyone}
    pool: list[Slice] = []
    for one in all_slices:
        (pool if one.holder is None else held.get(one.holder, pool)).append(one)
    shares = _shares(held, len(all_slices))
    for member, share in shares.items():
        pool += held[member][share:]
        del held[member][share:]
    several = len({member.worker for member in everyone}) > 1
    for one in sorted(pool, key=lambda one: (one.avoided_by is None, one.number)):
        able = [member for member in everyone if not several or member.worker != one.avoided_by]
        held[max(able, key=lambda member: shares[member] - len(held[member]))].append(one)
    return {one.number: member for member, theirs in held.items() for one in theirs}


def _shares(held: Mapping[PipelineId, list[Slice]], number: int) -> dict[PipelineId, int]:
    """Return how many slices each may have; the odd ones even out the workers, then stay where they are."""
    least, odd = divmod(number, len(held))
    shares = dict.fromkeys(held, least)
    totals = Counter({member.worker: 0 for member in held})
    for member in held:
        totals[member.worker] += least
    # Stable: among pipelines that have the same, first ones come before second ones.
    lucky = sorted(held, key=lambda member: len(held[member]) <= least)
    for _ in range(odd):
        chosen = min(lucky, key=lambda member: (totals[member.worker], len(held[member]) <= least))
        lucky.remove(chosen)
        shares[chosen] += 1
        totals[chosen.worker] += 1
    return shares
