"""Judging the history of a definition again, by the rule that it has now: what counted too much can be mended.

    begin ─► running ─► done
               │ contact by contact: verdicts, tallies, gates, scores, messages
               ├─ cancel ─► cancelled      whoever was gone through stays as judged
               └─ another edition ─► superseded

Owns requests, the work, and what it would change (preview). Never judges a set of events otherwise than
docs/semantics.md §4 does.
"""

from consumer.scoring.rejudgement.requests import (
    HistoryEndedError,
    HistoryRunningError,
    Status,
    UnknownDefinitionError,
    UnknownHistoryError,
    begin,
    cancel,
    status,
    unfinished,
)
from consumer.scoring.rejudgement.steps import work

__all__ = [
    "HistoryEndedError",
    "HistoryRunningError",
    "Status",
    "UnknownDefinitionError",
    "UnknownHistoryError",
    "begin",
    "cancel",
    "status",
    "unfinished",
    "work",
]
