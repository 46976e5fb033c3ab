"""Joins and deletions (docs/semantics.md §8) on real Postgres beside the oracle.

Two workers, and up to two that carry out joins and deletions, take turns at the borders of their statements.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pipeline import oracle_comparison
from tests.pipeline.catalog_strategies import ACCOUNTS, elsewhere
from tests.pipeline.history_runner import Seen, replay, running_history
from tests.pipeline.identity_strategies import lives, rearranged_lives
from tests.pipeline.property_settings import EXAMPLES, property_settings
from tests.pipeline.statement_schedule import Schedule, scheduled

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.pipeline.strategies import Chapter


@pytest.mark.timeout(600)
@pytest.mark.parametrize("with_deletions", [False, True], ids=["joins", "joins-and-deletions"])
def test_property_lives(
    module_database: str, report_line: Callable[[str], None], with_deletions: bool
) -> None:
    """Joined and deleted contacts are as the oracle says, and the same whatever the order of arrival."""
    seen = Seen()

    async def holds(schedule: Schedule, history: list[Chapter], again: list[Chapter]) -> None:
        met = Seen()
        async with running_history(schedule) as runner:
            committed = await runner.play(history)
            stored = await oracle_comparison.read(schedule.monitor, set(ACCOUNTS))
            oracle, differences = replay(committed, met)
            await runner.play(again)
            repeated = await oracle_comparison.read(schedule.monitor, set(map(elsewhere, ACCOUNTS)))
            met.lock_waits, met.retried = schedule.lock_waits, runner.retried
        seen.add(met)
        assert differences == []
        assert oracle_comparison.disagreements(stored, oracle) == []
        assert oracle_comparison.broken_chains(stored) == []
        assert await oracle_comparison.gaps(schedule.monitor) == []
        assert oracle_comparison.other_ends(stored, repeated, elsewhere, with_xp=not with_deletions) == []
        assert oracle_comparison.broken_chains(repeated) == []

    with scheduled(module_database) as (run, schedule):

        @property_settings(max(2, EXAMPLES // 16))
        @given(st.data())
        def law(data: st.DataObject) -> None:
            history = data.draw(lives(with_deletions=with_deletions))
            run(holds(schedule, history, data.draw(rearranged_lives(history, elsewhere))))

        law()
    report_line(f"lives: {seen}")
