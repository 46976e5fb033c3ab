"""Plans which pipeline should hold which slice: fair shares, with as few moves as possible.

A pure function of the rows: every worker computes the same plan and carries out its own part; there is no
coordinator.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True, order=True)
class PipelineId:
    """A pipeline of a worker: what slices are assigned to."""

    worker: int
    pipeline: int


@dataclass(frozen=True, slots=True)
class Slice:
    """A slice and its holder, None if it is free. avoided_by: a worker that recently could not read it."""

    number: int
    holder: PipelineId | None
    avoided_by: int | None = None


def assign(slices: Iterable[Slice], pipelines: Iterable[PipelineId]) -> dict[int, PipelineId]:
    """Return the pipeline that should hold each slice; an empty plan if there are no pipelines.

    - Shares of pipelines differ by one at most, and those of workers by as little as that allows.
    - No other plan as balanced takes fewer slices from their holders.
    - A slice goes to another worker than the one that avoids it, if there is one, even at the cost of a fair share;
      the next plan restores the share.
    """
    candidates = sorted(pipelines, key=lambda one: (one.pipeline, one.worker))
    if not candidates:
        return {}
    held: dict[PipelineId, list[Slice]] = {one: [] for one in candidates}
    pool: list[Slice] = []
    for one in sorted(slices, key=_avoided_first):
        (pool if one.holder is None else held.get(one.holder, pool)).append(one)
    shares = _shares(held, len(pool) + sum(map(len, held.values())))
    for pipeline, share in shares.items():
        pool += held[pipeline][share:]
        del held[pipeline][share:]
    several_workers = len({one.worker for one in candidates}) > 1
    for one in sorted(pool, key=_avoided_first):
        able = [each for each in candidates if not several_workers or each.worker != one.avoided_by]
        held[max(able, key=lambda each: shares[each] - len(held[each]))].append(one)
    return {one.number: pipeline for pipeline, theirs in held.items() for one in theirs}


def _avoided_first(one: Slice) -> tuple[bool, int]:
    return one.avoided_by is None, one.number


def _shares(held: Mapping[PipelineId, list[Slice]], slices: int) -> dict[PipelineId, int]:
    """Return how many slices each pipeline may hold.

    Slices left over by the division first even out the workers, then stay where they are.
    """
    least, left_over = divmod(slices, len(held))
    shares = dict.fromkeys(held, least)
    totals = Counter({pipeline.worker: 0 for pipeline in held})
    for pipeline in held:
        totals[pipeline.worker] += least
    # A stable sort: among pipelines that hold the same number, first pipelines of workers come first.
    eligible = sorted(held, key=lambda pipeline: len(held[pipeline]) <= least)
    for _ in range(left_over):
        chosen = min(eligible, key=lambda pipeline: (totals[pipeline.worker], len(held[pipeline]) <= least))
        eligible.remove(chosen)
        shares[chosen] += 1
        totals[chosen.worker] += 1
    return shares
