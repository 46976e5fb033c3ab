"""The closed lists of docs/contracts.md and docs/semantics.md §2 to §4: outcomes, verdicts, reasons, topics.

Each string is the same in code, SQL, metric labels, logs, messages and the API.
"""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """The outcome of a record: exactly one, the first that applies (semantics §2)."""

    TOMBSTONE = "tombstone"
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
    """The result of judging one event under one definition (semantics §4)."""

    COUNTED = "counted"
    ALREADY_COUNTED = "already_counted"
    COOLING_DOWN = "cooling_down"
    EXCLUDED = "excluded"


class DeadLetterReason(StrEnum):
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


class RefusalReason(StrEnum):
    """Why a call of the tracker was not recorded (contracts.md, closed lists)."""

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


class Policy(StrEnum):
    """How often an event of a definition counts (semantics §3)."""

    ALWAYS = "always"
    ONCE = "once"
    COOLDOWN = "cooldown"


class Per(StrEnum):
    """The scope of a dedup key: all events of a contact under a definition, or those about one object."""

    CONTACT = "contact"
    OBJECT = "object"


class LaneStop(StrEnum):
    """Why a lane is stopped until an operator acts (contracts.md, closed lists)."""

    DEAD_LETTERS = "dead_letters"
    LOG_TRUNCATED = "log_truncated"
    TOPIC_RECREATED = "topic_recreated"
    PAUSED = "paused"


class RetryReason(StrEnum):
    """Why a batch was retried against the database (contracts.md, closed lists)."""

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
BAND_CHANGED_TOPIC = "engagement.band-changed"
XP_CREDITED_TOPIC = "engagement.xp-credited"
DEAD_LETTERS_TOPIC = "engagement.dead-letters"
OUTPUT_TOPICS = (SCORE_CHANGED_TOPIC, BAND_CHANGED_TOPIC, XP_CREDITED_TOPIC, DEAD_LETTERS_TOPIC)
# Holds only the relay's positions, in one partition for each shard of the outbox.
POSITIONS_TOPIC = "engagement.positions"
# Of the outbox, so of the partitions of that topic.
MAX_SHARDS = 16

CONTACT_UPSERTED = "contact.upserted"
CONTACT_MERGED = "contact.merged"
CONTACT_DELETED = "contact.deleted"
CONTACT_TYPES = frozenset({CONTACT_UPSERTED, CONTACT_MERGED, CONTACT_DELETED})
# Types of what the tracker records begin so.
TRACK_PREFIX = "track."
# Join an anonymous contact, whose id begins with the prefix below, to the known one in `into` (semantics §8).
IDENTIFY_TYPES = frozenset({"track.identify", "track.alias"})
ANONYMOUS_PREFIX = "anonymous:"
