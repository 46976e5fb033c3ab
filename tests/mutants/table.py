"""All mutants: what each breaks, the edits that break it, and the one test that must fail.

`old` occurs exactly once in its file; tests/unit/test_mutants.py checks that, and that each named test exists.
"""

from __future__ import annotations

from tests.mutants.areas import (
    backfills,
    bands,
    batches,
    changes,
    configuration,
    embedded,
    identity,
    jobs,
    judging,
    live,
    operations,
    overload,
    personal_data,
    relay,
    retention,
    scores,
    tracker_calls,
    tracker_script,
    tracker_server,
    upgrades,
)

_AREAS = (
    bands,
    judging,
    scores,
    jobs,
    batches,
    relay,
    overload,
    configuration,
    changes,
    upgrades,
    identity,
    personal_data,
    retention,
    backfills,
    live,
    operations,
    tracker_calls,
    tracker_script,
    tracker_server,
    embedded,
)

MUTANTS = tuple(mutant for area in _AREAS for mutant in area.MUTANTS)
