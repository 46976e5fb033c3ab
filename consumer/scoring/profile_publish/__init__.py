"""Publishing a profile over history: scores of every contact under a new version, beside the old, then one flip.

    begin ─► building ─────────────► flip ─► announcing ────────────────────► done
               │ scores of contacts            │ whom it changed is told,
               │ under the new version         │ old scores go
               └─ cancel ─► cancelling ─► cancelled

Owns requests (begin, cancel, how far it is), the work, and whatever people want to know beforehand and afterwards:
preview, versions. Never decides what a version says: consumer/catalog/model/profile_versions.py does.
"""

from consumer.scoring.profile_publish.requests import (
    NothingToPublishError,
    PublishNotCancellableError,
    PublishRunningError,
    Status,
    UnknownProfileError,
    UnknownPublishError,
    begin,
    cancel,
    status,
    unfinished,
)
from consumer.scoring.profile_publish.steps import work

__all__ = [
    "NothingToPublishError",
    "PublishNotCancellableError",
    "PublishRunningError",
    "Status",
    "UnknownProfileError",
    "UnknownPublishError",
    "begin",
    "cancel",
    "status",
    "unfinished",
    "work",
]
