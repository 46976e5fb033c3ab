"""What becomes of a call: records for Kafka, or a refusal."""

from __future__ import annotations

import msgspec

from schemas.vocabulary import RefusalReason  # noqa: TC001 - msgspec reads annotations at run time


class Refusal(msgspec.Struct, frozen=True):
    """A call that is not recorded. field: the one at fault, in the caller's words (`userId`), if it is one."""

    reason: RefusalReason
    field: str | None = None
    detail: str | None = None


class TrackedRecord(msgspec.Struct, frozen=True):
    """A CloudEvent in structured mode, as it goes to the topic `tracked`. contacts: those that it names."""

    key: bytes
    value: bytes
    contacts: tuple[str, ...] = ()
