"""Rejudges the history of a definition by its current rule, which corrects what an older rule counted.

    begin ─► running ─► done
               │ contact by contact: verdicts, tallies, gates, scores, messages
               ├─ cancel ─► cancelled      contacts already processed keep their new verdicts
               └─ another edition ─► superseded

Read requests.py first (begin, cancel, status), then steps.py (the work) and preview.py (a dry run). The rule is
docs/semantics.md §4.
"""

from consumer.scoring.rejudgement.requests import (
    RejudgementEndedError,
    RejudgementRunningError,
    RejudgementStatus,
    UnknownDefinitionError,
    UnknownRejudgementError,
    begin,
    cancel,
    status,
)
from consumer.scoring.rejudgement.steps import REJUDGEMENTS, run_rejudgement

__all__ = [
    "REJUDGEMENTS",
    "RejudgementEndedError",
    "RejudgementRunningError",
    "RejudgementStatus",
    "UnknownDefinitionError",
    "UnknownRejudgementError",
    "begin",
    "cancel",
    "run_rejudgement",
    "status",
]
