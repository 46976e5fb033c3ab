"""The law of docs/semantics.md §4, on real Postgres, with workers interleaved at the borders of their statements.

What Hypothesis draws goes through the path, and to the oracle in the order of the commits. `CI=true` takes
100 examples, always the same ones, so that a red build is about the change; elsewhere they are new ones each time,
as many as ENGAGEMENT_TEST_EXAMPLES says, and a failure is made small. It prints what reproduces it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pipeline import oracle_comparison
from tests.pipeline.catalog_strategies import ACCOUNTS, elsewhere
from tests.pipeline.history_runner import Seen, replay, running_history
from tests.pipeline.property_settings import EXAMPLES, property_settings
from tests.pipeline.statement_schedule import Schedule, scheduled
from tests.pipeline.strategies import ORDINARY, SETTLED, Chapter, histories, rearranged

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.timeout(600)
def test_property_any_interleaving(module_database: str, report_line: Callable[[str], None]) -> None:
    """What workers commit, in whatever order, is what the oracle says; any other order ends in the same."""
    seen = Seen()

    async def holds(schedule: Schedule, history: list[Chapter], again: list[Chapter]) -> None:
        met = Seen()
        async with running_history(schedule) as runner:
            committed = await runner.play(history)
            stored = await oracle_comparison.read(schedule.monitor, set(ACCOUNTS))
            oracle, differences = replay(committed, met)
            conflicting = runner.conflicting_duplicates
            await runner.play(again)
            repeated = await oracle_comparison.read(schedule.monitor, set(map(elsewhere, ACCOUNTS)))
            met.lock_waits = schedule.lock_waits
        seen.add(met)
        assert differences == []
        assert oracle_comparison.disagreements(stored, oracle) == []
        assert oracle_comparison.broken_chains(stored) == []
        assert await oracle_comparison.gaps(schedule.monitor) == []
        assert conflicting == oracle.conflicting_duplicates == 0
        assert oracle_comparison.other_ends(stored, repeated, elsewhere) == []
        assert oracle_comparison.broken_chains(repeated) == []

    with scheduled(module_database) as (run, schedule):

        @property_settings(EXAMPLES)
        @given(st.data())
        def law(data: st.DataObject) -> None:
            history = data.draw(histories())
            run(holds(schedule, history, data.draw(rearranged(history, elsewhere))))

        law()
    report_line(f"law: {seen}")
    assert seen.scarce(["late", "flips", "duplicates", "reversals", "lock_waits", "backfilled"]) == []


@pytest.mark.timeout(600)
@pytest.mark.parametrize("sizes", [(1,), (4, 8, 14)], ids=["one-event-per-batch", "among-ordinary-ones"])
def test_property_settled(
    module_database: str, report_line: Callable[[str], None], sizes: tuple[int, ...]
) -> None:
    """Events dated more than 7 days before their record are judged once, on arrival, as the oracle says."""
    seen = Seen()

    async def holds(schedule: Schedule, history: list[Chapter]) -> None:
        met = Seen()
        async with running_history(schedule) as runner:
            oracle, differences = replay(await runner.play(history), met)
        stored = await oracle_comparison.read(schedule.monitor, set(ACCOUNTS))
        seen.add(met)
        assert differences == []
        assert oracle_comparison.disagreements(stored, oracle) == []
        assert oracle_comparison.broken_chains(stored) == []

    with scheduled(module_database) as (run, schedule):

        @property_settings(max(1, EXAMPLES // 6))
        @given(histories(delays=[ORDINARY[0], ORDINARY[-1], *SETTLED], sizes=sizes, fewest=16, most=24))
        def law(history: list[Chapter]) -> None:
            run(holds(schedule, history))

        law()
    report_line(f"settled, batches of {' or '.join(map(str, sizes))}: {seen}")
    assert seen.scarce(["settled_counted", "settled_not_counted"]) == []
