"""Purges what is older than an account keeps it (docs/semantics.md, 8.29 to 8.43).

    retention period ─► begin_due: the horizon moves ─► running ─► done
                                                          │ contact by contact: entries, dedup keys, carried counts
                                                          └─ a longer period, or none ─► cancelled

requests.py begins purges and says what one would remove, steps.py does the work; what stays is
consumer/domain/purge_rule.py. No score changes, so nothing is announced.
"""

from consumer.scoring.retention.requests import (
    PurgeStatus,
    UnknownPurgeError,
    WouldPurge,
    begin_due,
    preview,
)
from consumer.scoring.retention.steps import PURGES

__all__ = ["PURGES", "PurgeStatus", "UnknownPurgeError", "WouldPurge", "begin_due", "preview"]
