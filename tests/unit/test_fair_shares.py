"""Fair shares: every plan is balanced, moves only what must move, and is the same for every worker."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.lanes.fair_shares import PipelineId, Slice, assign

if TYPE_CHECKING:
    from collections.abc import Mapping

_PIPELINES = st.sets(st.builds(PipelineId, st.integers(1, 5), st.integers(0, 2)), min_size=1, max_size=7)


@st.composite
def _scenes(draw: st.DrawFn) -> tuple[list[Slice], set[PipelineId]]:
    """Return slices that are free, held by a pipeline of the plan, or held by one that is gone."""
    pipelines = draw(_PIPELINES)
    holder = st.sampled_from([*sorted(pipelines), PipelineId(9, 0), None])
    holders = draw(st.lists(holder, max_size=14))
    return [Slice(number, holder) for number, holder in enumerate(holders)], pipelines


def _sizes(plan: dict[int, PipelineId], pipelines: set[PipelineId]) -> list[int]:
    return sorted(list(plan.values()).count(pipeline) for pipeline in pipelines)


def _unevenness(sizes: Mapping[PipelineId, int]) -> int:
    """Return how far the workers are from having the same; smaller is better, by any convex measure."""
    workers: Counter[int] = Counter()
    for pipeline, size in sizes.items():
        workers[pipeline.worker] += size
    return sum(size * size for size in workers.values())


def _best(slices: list[Slice], pipelines: set[PipelineId]) -> tuple[int, int]:
    """Return the least unevenness, and how many slices of living holders must move at least for it.

    By trying every way to give out the odd ones.
    """
    held = {pipeline: sum(one.holder == pipeline for one in slices) for pipeline in pipelines}
    least, odd = divmod(len(slices), len(pipelines))
    return min(
        (
            _unevenness({pipeline: least + (pipeline in luckier) for pipeline in pipelines}),
            sum(max(0, number - least - (pipeline in luckier)) for pipeline, number in held.items()),
        )
        for luckier in combinations(sorted(pipelines), odd)
    )


@given(_scenes())
def test_a_plan_is_balanced_and_moves_only_what_must_move(scene: tuple[list[Slice], set[PipelineId]]) -> None:
    """Shares of pipelines differ by one at most, those of workers least, and no plan as balanced moves fewer."""
    slices, pipelines = scene
    plan = assign(slices, pipelines)
    assert plan.keys() == {one.number for one in slices}
    sizes = _sizes(plan, pipelines)
    assert sizes[-1] - sizes[0] <= 1
    moved = sum(plan[one.number] != one.holder for one in slices if one.holder in pipelines)
    shares = {pipeline: list(plan.values()).count(pipeline) for pipeline in pipelines}
    assert (_unevenness(shares), moved) == _best(slices, pipelines)


@given(_scenes(), st.randoms(use_true_random=False))
def test_every_worker_makes_the_same_plan_and_it_lasts(
    scene: tuple[list[Slice], set[PipelineId]], chance: object
) -> None:
    """The order in which rows are read does not matter, and a plan carried out is what is planned next."""
    slices, pipelines = scene
    plan = assign(slices, pipelines)
    mixed = sorted(slices, key=lambda one: hash((id(chance), one.number)))
    assert assign(mixed, sorted(pipelines, reverse=True)) == plan
    assert assign([Slice(number, holder) for number, holder in plan.items()], pipelines) == plan


@given(_PIPELINES, st.integers(1, 12), st.integers(0, 11), st.integers(1, 5))
def test_an_avoided_slice_goes_to_another_worker_and_shares_are_restored(
    pipelines: set[PipelineId], number: int, avoided: int, by: int
) -> None:
    """The worker that avoids it does not get it back while others are there; the next plan restores the shares."""
    slices = [Slice(n, None, by if n == avoided else None) for n in range(number)]
    others = any(pipeline.worker != by for pipeline in pipelines)
    for _ in range(3):
        plan = assign(slices, pipelines)
        if avoided < number and others:
            assert plan[avoided].worker != by
        slices = [Slice(one.number, plan[one.number], one.avoided_by) for one in slices]
    sizes = _sizes(plan, pipelines)
    assert sizes[-1] - sizes[0] <= 1
    assert assign(slices, pipelines) == plan


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_odd_slices_go_to_first_pipelines(workers: int) -> None:
    """With one slice per worker each worker has one, rather than one worker two."""
    pipelines = [PipelineId(worker, pipeline) for worker in range(1, workers + 1) for pipeline in (0, 1)]
    plan = assign([Slice(number, None) for number in range(workers)], pipelines)
    assert set(plan.values()) == {PipelineId(worker, 0) for worker in range(1, workers + 1)}


def test_without_pipelines_the_plan_is_empty() -> None:
    """Where no worker can read, the plan is empty."""
    assert assign([Slice(0, PipelineId(1, 0))], []) == {}
