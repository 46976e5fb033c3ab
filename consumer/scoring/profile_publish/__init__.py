"""Publishes a profile over history: scores of every contact under the new version, then one flip for readers.

    begin ─► building ─────────────► flip ─► announcing ─────────────────────► done
               │ scores of contacts            │ score messages are enqueued,
               │ under the new version         │ old scores are deleted
               └─ cancel ─► cancelling ─► cancelled

Read requests.py first (begin, cancel, status), then steps.py (the work). What a version contains is decided in
consumer/catalog/model/profile_versions.py.
"""

from consumer.scoring.profile_publish.requests import (
    NothingToPublishError,
    ProfileArchivedError,
    PublishNotCancellableError,
    PublishRunningError,
    PublishStatus,
    UnknownProfileError,
    UnknownPublishError,
    begin,
    cancel,
    require_active,
    status,
    unfinished_publishes,
)
from consumer.scoring.profile_publish.steps import PUBLISHES, run_publish

__all__ = [
    "PUBLISHES",
    "NothingToPublishError",
    "ProfileArchivedError",
    "PublishNotCancellableError",
    "PublishRunningError",
    "PublishStatus",
    "UnknownProfileError",
    "UnknownPublishError",
    "begin",
    "cancel",
    "require_active",
    "run_publish",
    "status",
    "unfinished_publishes",
]
