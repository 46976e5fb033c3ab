"""Plain values of the path: a record, and the event, tombstone or dead letter that decoding makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import msgspec

from schemas.timestamps import instant

if TYPE_CHECKING:
    from datetime import datetime

    from schemas.vocabulary import DeadLetterReason


# Structs, since there is one for each record: created in a third of the time of a frozen dataclass.
class Record(msgspec.Struct, frozen=True, gc=False):
    """One Kafka record as read.

    topic: without the installation's prefix. timestamp: milliseconds since 1970 in UTC, None where the record has
    none. value: after decompression, None where it has none. headers: in order, with repeats.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int | None
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()


class Event(msgspec.Struct, frozen=True, gc=False):
    """A domain event, valid in every respect of semantics §2.

    key: the event key, 16 bytes. occurred_us: when it happened, in microseconds since 1970 in UTC; the record's
    timestamp where the event has no `time`. settled: dated more than 7 days before its own record (semantics §4).
    actor_type: 'rep', 'contact', 'system' or None. data: the JSON object as received, '{}' where absent.
    digest: signed 64 bits of type, subject, `time` (as an instant, or absent) and data; two events with one key and
    different digests are a conflict.
    """

    account: str
    key: bytes
    id: str
    source: str
    type: str
    subject: str
    occurred_us: int
    settled: bool
    actor_id: str | None
    actor_type: str | None
    object_id: str | None
    robot: bool
    data: str
    digest: int

    @property
    def occurred_at(self) -> datetime:
        """When it happened, in UTC."""
        return instant(self.occurred_us)


class Tombstone(msgspec.Struct, frozen=True, gc=False):
    """A record without a value that announces no CloudEvent: what a compacted topic keeps of a deleted key."""

    account: ClassVar[None] = None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Why a record could not be an event.

    detail: one line for people: the field, what the record has there, what was expected. It shows the values of
    content-type, specversion, accountid and time (at most 64 characters, control characters escaped), and never
    one of `data` or of an attribute that may name a person. account: the well-formed `accountid` that could still
    be read, else None.
    """

    reason: DeadLetterReason
    detail: str
    account: str | None = None
