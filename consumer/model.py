"""The vocabulary: the plain values that travel along the path, and the closed lists of the contract.

Owns the words of docs/semantics.md §1 and the closed lists of docs/contracts.md. Never does anything: no
input, no output, no decisions.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from consumer.timestamps import instant

if TYPE_CHECKING:
    from datetime import datetime


class Outcome(StrEnum):
    """What became of a record: exactly one, the first that applies (semantics §2)."""

    DEAD = "dead"
    UNKNOWN_ACCOUNT = "unknown_account"
    DISABLED = "disabled"
    GONE = "gone"
    CONTACT = "contact"
    UNMATCHED = "unmatched"
    DUPLICATE = "duplicate"
    EXPIRED = "expired"
    APPLIED = "applied"


class Verdict(StrEnum):
    """What became of one event under one definition (semantics §4)."""

    COUNTED = "counted"
    ALREADY_COUNTED = "already_counted"
    COOLING_DOWN = "cooling_down"
    EXCLUDED = "excluded"


class Reason(StrEnum):
    """Why a record is dead, in the order in which faults are named (contracts.md, closed lists)."""

    TOO_LARGE = "too_large"
    NOT_CLOUDEVENT = "not_cloudevent"
    NOT_JSON = "not_json"
    TOO_DEEP = "too_deep"
    ATTRIBUTE_MISSING = "attribute_missing"
    ATTRIBUTE_MALFORMED = "attribute_malformed"
    TIME_OUT_OF_BOUNDS = "time_out_of_bounds"
    DATA_NOT_OBJECT = "data_not_object"
    DATA_INVALID = "data_invalid"
    REFUSED_BY_DATABASE = "refused_by_database"


class Policy(StrEnum):
    """When an event of a definition counts again (semantics §3)."""

    ALWAYS = "always"
    ONCE = "once"
    COOLDOWN = "cooldown"


class Per(StrEnum):
    """What a dedup key spans: all of a contact's events of a definition, or those about one object."""

    CONTACT = "contact"
    OBJECT = "object"


class LaneStop(StrEnum):
    """Why a lane stands still until somebody acts (contracts.md, closed lists)."""

    DEAD_LETTERS = "dead_letters"
    LOG_TRUNCATED = "log_truncated"
    TOPIC_RECREATED = "topic_recreated"
    PAUSED = "paused"


class RetryReason(StrEnum):
    """Why a batch was repeated against the database (contracts.md, closed lists)."""

    SERIALIZATION = "serialization"
    DEADLOCK = "deadlock"
    LOCK_TIMEOUT = "lock_timeout"
    CONNECTION = "connection"
    STATEMENT_TIMEOUT = "statement_timeout"


INPUT_TOPICS = (
    "messages",
    "deals",
    "followups",
    "bookings",
    "payments",
    "sales",
    "emails",
    "tracked",
    "contacts",
)
SCORE_CHANGED_TOPIC = "engagement.score-changed"
XP_CREDITED_TOPIC = "engagement.xp-credited"
DEAD_LETTERS_TOPIC = "engagement.dead-letters"
OUTPUT_TOPICS = (SCORE_CHANGED_TOPIC, XP_CREDITED_TOPIC, DEAD_LETTERS_TOPIC)
# Holds nothing but the relay's offsets, one partition for each shard of the outbox.
POSITIONS_TOPIC = "engagement.positions"
# Of a new database; what an existing one has stands in it.
DEFAULT_SHARDS = 4

CONTACT_UPSERTED = "contact.upserted"
CONTACT_MERGED = "contact.merged"
CONTACT_DELETED = "contact.deleted"
CONTACT_TYPES = frozenset({CONTACT_UPSERTED, CONTACT_MERGED, CONTACT_DELETED})


# Structs are what there is one of for each record: made in a third of the time of a frozen dataclass.
class Record(msgspec.Struct, frozen=True, gc=False):
    """One Kafka record as it was read.

    topic: without the installation's prefix. timestamp: milliseconds since 1970 in UTC, None where the
    record has none. value: after decompression, None for a tombstone. headers: in their order, repeats kept.
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

    key: the event key, 16 bytes. occurred_us: when it happened, in microseconds since 1970 in UTC; the
    record's timestamp where the event has no `time`. settled: dated more than 7 days before its own record
    (semantics §4). actor_type: 'rep', 'contact', 'system' or None. data: the JSON object as it stood on the
    wire, '{}' where absent.
    digest: a signed 64-bit fingerprint of type, subject, `time` (as an instant; absent stays absent) and
    data, by which a key that comes with different contents is noticed.
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


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Why a record could not be an event.

    detail: one line for people, saying what is wrong and where; never the value itself. account: the
    well-formed `accountid` that could still be read, else None.
    """

    reason: Reason
    detail: str
    account: str | None = None
