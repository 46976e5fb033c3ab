"""Everything that can happen to a contact at once, on real Postgres beside the oracle.

Events, some of them by a backfill, changes of catalogs, publishes, joins, deletions, purges (docs/semantics.md §8),
rejudgements and adjustments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given

from consumer.scoring.verify import verify
from tests.pipeline import oracle_comparison
from tests.pipeline.catalog_strategies import ACCOUNTS
from tests.pipeline.history_runner import Seen, replay, running_history
from tests.pipeline.identity_strategies import lives
from tests.pipeline.property_settings import EXAMPLES, property_settings
from tests.pipeline.statement_schedule import Schedule, scheduled

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.pipeline.strategies import Chapter


@pytest.mark.timeout(600)
def test_property_whole_lives(module_database: str, report_line: Callable[[str], None]) -> None:
    """Whatever happens to contacts, they are as the oracle says: entries, tallies, scores, bands, messages, XP."""
    seen = Seen()

    async def holds(schedule: Schedule, history: list[Chapter]) -> None:
        met = Seen()
        async with running_history(schedule) as runner:
            committed = await runner.play(history)
            stored = await oracle_comparison.read(schedule.monitor, set(ACCOUNTS))
            oracle, differences = replay(committed, met)
        seen.add(met)
        assert differences == []
        assert oracle_comparison.disagreements(stored, oracle) == []
        assert oracle_comparison.broken_chains(stored) == []
        assert await oracle_comparison.gaps(schedule.monitor) == []
        assert (await verify(schedule.dsn)).differences == []

    with scheduled(module_database) as (run, schedule):

        @property_settings(max(2, EXAMPLES // 8))
        @given(lives(with_acts=True))
        def law(history: list[Chapter]) -> None:
            run(holds(schedule, history))

        law()
    report_line(f"whole lives: {seen}")
    assert seen.scarce(["purged", "rejudged", "adjusted", "crossed"]) == []
