"""How the modules of this package refuse a call among themselves; its faces return a Refusal."""

from __future__ import annotations

from consumer.web.tracker.calls.outcome import Refusal
from schemas.vocabulary import RefusalReason


class RefusedError(Exception):
    """The call is not recorded. `refusal` says why, and never quotes the caller."""

    def __init__(self, reason: RefusalReason, field: str | None, detail: str) -> None:
        super().__init__(detail)
        self.refusal = Refusal(reason, field, detail)


def malformed(field: str | None, detail: str) -> RefusedError:
    """Return what refuses a malformed call."""
    return RefusedError(RefusalReason.MALFORMED, field, detail)
