"""What becomes of a call: records for Kafka, or a refusal."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class RefusalReason(StrEnum):
    """Why a call was not recorded (contracts.md, closed lists)."""

    UNKNOWN_KEY = "unknown_key"
    ORIGIN_NOT_ALLOWED = "origin_not_allowed"
    NAME_NOT_ALLOWED = "name_not_allowed"
    CONTACT_NOT_ALLOWED = "contact_not_allowed"
    MALFORMED = "malformed"
    TOO_LARGE = "too_large"
    RATE_LIMITED = "rate_limited"
    QUOTA_EXCEEDED = "quota_exceeded"
    SIGNATURE_INVALID = "signature_invalid"
    OVERLOADED = "overloaded"
    UNAVAILABLE = "unavailable"


class Refusal(msgspec.Struct, frozen=True):
    """A call that is not recorded. field: the one at fault, in the caller's words (`userId`), if it is one."""

    reason: RefusalReason
    field: str | None = None
    detail: str | None = None


class TrackedRecord(msgspec.Struct, frozen=True):
    """A CloudEvent in structured mode, as it goes to the topic `tracked`."""

    key: bytes
    value: bytes
