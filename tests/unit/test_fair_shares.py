"""Fair shares: every plan is balanced, moves only what must move, and is the same for whoever makes it."""

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

_MEMBERS = st.sets(st.builds(PipelineId, st.integers(1, 5), st.integers(0, 2)), min_size=1, max_size=7)


@st.composite
def _scenes(draw: st.DrawFn) -> tuple[list[Slice], set[PipelineId]]:
    """Return slices held by anybody, members or not, or by nobody."""
    members = draw(_MEMBERS)
    anybody = st.sampled_from([*sorted(members), PipelineId(9, 0), None])
    holders = draw(st.lists(anybody, max_size=14))
    return [Slice(number, holder) for number, holder in enumerate(holders)], members


def _sizes(plan: dict[int, PipelineId], members: set[PipelineId]) -> list[int]:
    return sorted(list(plan.values()).count(member) for member in members)


def _unevenness(sizes: Mapping[PipelineId, int]) -> int:
    """Return how far the workers are from having the same; smaller is better, by any convex measure."""
    workers: Counter[int] = Counter()
    for member, size in sizes.items():
        workers[member.worker] += size
    return sum(size * size for size in workers.values())


def _best(slices: list[Slice], members: set[PipelineId]) -> tuple[int, int]:
    """Return the least unevenness, and how many slices of living holders must move at least for it.

    By trying every way to give out the odd ones.
    """
    held = {member: sum(one.holder == member for one in slices) for member in members}
    least, odd = divmod(len(slices), len(members))
    return min(
        (
            _unevenness({member: least + (member in luckier) for member in members}),
            sum(max(0, number - least - (member in luckier)) for member, number in held.items()),
        )
        for luckier in combinations(sorted(members), odd)
    )


@given(_scenes())
def test_a_plan_is_balanced_and_moves_only_what_must_move(scene: tuple[list[Slice], set[PipelineId]]) -> None:
    """Shares of pipelines differ by one at most, those of workers least, and no plan as balanced moves fewer."""
    slices, members = scene
    plan = assign(slices, members)
    assert plan.keys() == {one.number for one in slices}
    sizes = _sizes(plan, members)
    assert sizes[-1] - sizes[0] <= 1
    moved = sum(plan[one.number] != one.holder for one in slices if one.holder in members)
    shares = {member: list(plan.values()).count(member) for member in members}
    assert (_unevenness(shares), moved) == _best(slices, members)


@given(_scenes(), st.randoms(use_true_random=False))
def test_everybody_makes_the_same_plan_and_it_lasts(
    scene: tuple[list[Slice], set[PipelineId]], chance: object
) -> None:
    """The order in which rows are read does not matter, and a plan carried out is what is planned next."""
    slices, members = scene
    plan = assign(slices, members)
    mixed = sorted(slices, key=lambda one: hash((id(chance), one.number)))
    assert assign(mixed, sorted(members, reverse=True)) == plan
    assert assign([Slice(number, holder) for number, holder in plan.items()], members) == plan


@given(_MEMBERS, st.integers(1, 12), st.integers(0, 11), st.integers(1, 5))
def test_a_slice_that_is_shunned_goes_to_another_worker_and_shares_are_mended(
    members: set[PipelineId], number: int, shunned: int, by: int
) -> None:
    """Whoever gave it up does not get it back while others are there; after the next plan shares are fair again."""
    slices = [Slice(n, None, by if n == shunned else None) for n in range(number)]
    others = any(member.worker != by for member in members)
    for _ in range(3):
        plan = assign(slices, members)
        if shunned < number and others:
            assert plan[shunned].worker != by
        slices = [Slice(one.number, plan[one.number], one.avoided_by) for one in slices]
    sizes = _sizes(plan, members)
    assert sizes[-1] - sizes[0] <= 1
    assert assign(slices, members) == plan


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_odd_slices_go_to_first_pipelines(workers: int) -> None:
    """With one slice per worker each worker has one, rather than one worker two."""
    members = [PipelineId(worker, pipeline) for worker in range(1, workers + 1) for pipeline in (0, 1)]
    plan = assign([Slice(number, None) for number in range(workers)], members)
    assert set(plan.values()) == {PipelineId(worker, 0) for worker in range(1, workers + 1)}


def test_without_members_nobody_holds_anything() -> None:
    """Where no worker can read, the plan is empty."""
    assert assign([Slice(0, PipelineId(1, 0))], []) == {}
