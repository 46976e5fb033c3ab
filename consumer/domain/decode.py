"""Decodes a record: returns an event that is valid in every respect of semantics §2, or a dead letter. Pure.

The result depends on the record alone, and no record raises: replaying the stored bytes gives the same result.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

from consumer.domain import cloudevents
from consumer.domain.describe_value import kind_of, shown
from consumer.domain.model import DeadLetter, Event, Record
from consumer.domain.record_headers import name_bytes
from schemas import timestamps
from schemas.events import check_data
from schemas.vocabulary import DeadLetterReason

MAX_VALUE_BYTES: Final = 262_144
MAX_KEY_AND_HEADER_BYTES: Final = 65_536
EARLIEST: Final = 946_684_800_000_000  # 2000-01-01, microseconds since 1970
LATEST_AFTER_RECORD: Final = 3_600_000_000  # one hour, in microseconds
SETTLED_BEFORE_RECORD: Final = 7 * 86_400_000_000  # seven days, in microseconds

_LONGEST_TEXT: Final = 256
_TEXT_RULE: Final = f"1 to {_LONGEST_TEXT} characters, none of them a control character"
_TEXTS: Final = ("id", "source", "type", "subject", "actorid", "objectid")
_REQUIRED: Final = ("id", "source", "type", "subject", "accountid")
_ACTOR_TYPES: Final = frozenset({"rep", "contact", "system"})
_LAST_REPRESENTABLE: Final = 253_402_300_799_999_999  # the end of 9999


def decode(record: Record) -> Event | DeadLetter:
    """Return the event of a record, or a dead letter with its first fault in the order of the reasons.

    Both modes of CloudEvents give the same event, except for white space around `data`, which binary mode keeps.
    `data_base64` takes precedence over `data`; an empty value counts as absent.
    """
    headers, key_and_header_bytes = _headers(record)
    value = record.value
    if key_and_header_bytes > MAX_KEY_AND_HEADER_BYTES or (
        value is not None and len(value) > MAX_VALUE_BYTES
    ):
        return _too_large(headers, key_and_header_bytes, value)
    envelope = cloudevents.unwrap(headers, value)
    if isinstance(envelope, DeadLetter):
        return envelope
    time = None if envelope.time is None else timestamps.microseconds(envelope.time)
    fault = _attribute_fault(record, headers, envelope, time) or _time_fault(
        envelope.time, time, record.timestamp
    )
    if fault is not None:
        return DeadLetter(*fault, envelope.account)
    data = bytes(envelope.data)
    if data == b"" or data.strip(cloudevents.WHITESPACE) == b"null":
        data = b"{}"
    elif not data.lstrip(cloudevents.WHITESPACE).startswith(b"{"):
        found = f"data: found {kind_of(data)}, expected a JSON object"
        return DeadLetter(DeadLetterReason.DATA_NOT_OBJECT, found, envelope.account)
    text = data.decode()
    invalid = check_data(envelope.type or "", text)
    if invalid is not None:
        return DeadLetter(DeadLetterReason.DATA_INVALID, invalid, envelope.account)
    return _event(envelope, time, record, text)


def event_key(source: str, identifier: str) -> bytes:
    """Return the event key (semantics §1): 16 bytes, unique to the event within its account."""
    return hashlib.blake2b(f"{source}\0{identifier}".encode(), digest_size=16).digest()


def _headers(record: Record) -> tuple[dict[str, bytes | None], int]:
    """Return the headers by lower-case name, of equal names the last, and the size of key and headers in bytes."""
    headers: dict[str, bytes | None] = {}
    size = 0 if record.key is None else len(record.key)
    for name, value in record.headers:
        size += len(name) if name.isascii() else len(name_bytes(name))
        if value is not None:
            size += len(value)
        headers[name.lower()] = value
    return headers, size


def _too_large(
    headers: dict[str, bytes | None], key_and_header_bytes: int, value: bytes | None
) -> DeadLetter:
    """Return the dead letter of a record over a limit; a structured value that is too large is not read."""
    place, size, limit = "key and headers", key_and_header_bytes, MAX_KEY_AND_HEADER_BYTES
    if value is not None and len(value) > MAX_VALUE_BYTES:
        place, size, limit, value = "value", len(value), MAX_VALUE_BYTES, None
    detail = f"{place}: found {size} bytes, expected at most {limit}"
    return DeadLetter(DeadLetterReason.TOO_LARGE, detail, cloudevents.unwrap(headers, value).account)


def _attribute_fault(
    record: Record, headers: dict[str, bytes | None], envelope: cloudevents.Envelope, time: int | None
) -> tuple[DeadLetterReason, str] | None:
    """Return the first fault of the attributes, missing ones first; the bounds of `time` are checked elsewhere."""
    if _is_plainly_valid(envelope) and (envelope.time is None) == (time is None):
        return None
    required = (envelope.id, envelope.source, envelope.type, envelope.subject)
    if None in required or envelope.accountid is None:
        name = next(name for name in _REQUIRED if getattr(envelope, name) is None)
        found = cloudevents.describe_attribute(headers, record.value, name)
        return DeadLetterReason.ATTRIBUTE_MISSING, f"{name}: {found}"
    texts = zip(_TEXTS, (*required, envelope.actorid, envelope.objectid), strict=True)
    malformed = [(name, _TEXT_RULE) for name, text in texts if text is not None and not _well_formed(text)]
    if envelope.account is None:
        malformed.append(("accountid", "1 to 64 letters, digits, _ or -"))
    if envelope.time is not None and time is None:
        malformed.append(("time", "an RFC 3339 time such as '2026-03-02T10:00:00Z'"))
    if not malformed:
        return None
    name, rule = malformed[0]
    found = cloudevents.describe_attribute(headers, record.value, name)
    return DeadLetterReason.ATTRIBUTE_MALFORMED, f"{name}: {found}, expected {rule}"


def _is_plainly_valid(envelope: cloudevents.Envelope) -> bool:
    """Return True for the usual case, decided cheaply: all attributes present, printable and short together."""
    id_, source, type_, subject = envelope.id, envelope.source, envelope.type, envelope.subject
    if not (id_ and source and type_ and subject and envelope.account is not None):
        return False
    actor, object_ = envelope.actorid, envelope.objectid
    if actor == "" or object_ == "":
        return False
    together = f"{id_}{source}{type_}{subject}{actor or ''}{object_ or ''}"
    # If they are short together, each of them is short.
    return len(together) <= _LONGEST_TEXT and together.isprintable()


def _well_formed(text: str) -> bool:
    """Return True if an attribute keeps the rule of semantics §2; printable text has no control characters."""
    return 0 < len(text) <= _LONGEST_TEXT and (text.isprintable() or cloudevents.CONTROL.search(text) is None)


def _time_fault(
    text: str | None, time: int | None, timestamp: int | None
) -> tuple[DeadLetterReason, str] | None:
    """Return the fault of the event's instant: its `time` (text), else its record's timestamp."""
    if timestamp is None:
        return DeadLetterReason.TIME_OUT_OF_BOUNDS, "timestamp: the record has none"
    recorded = timestamp * 1000
    latest = min(recorded + LATEST_AFTER_RECORD, _LAST_REPRESENTABLE)
    if EARLIEST <= (recorded if time is None else time) <= latest:
        return None
    if text is not None:
        detail = f"time: found {shown(text)}, expected 2000-01-01 to one hour after the record's timestamp"
    else:
        side = "before 2000-01-01" if recorded < EARLIEST else "after the year 9999"
        detail = f"time: missing, and the record's timestamp {timestamp} (milliseconds since 1970) is {side}"
    return DeadLetterReason.TIME_OUT_OF_BOUNDS, detail


def _event(envelope: cloudevents.Envelope, time: int | None, record: Record, data: str) -> Event:
    """Return the event of a valid envelope."""
    valid: Any = envelope  # no required attribute is None: the checks came before
    recorded = (record.timestamp or 0) * 1000
    occurred = recorded if time is None else time
    robot = envelope.robot
    return Event(
        valid.accountid,
        event_key(valid.source, valid.id),
        valid.id,
        valid.source,
        valid.type,
        valid.subject,
        occurred,
        recorded - occurred > SETTLED_BEFORE_RECORD,
        envelope.actorid,
        envelope.actortype if envelope.actortype in _ACTOR_TYPES else None,
        envelope.objectid,
        robot is not None and (robot is True or (robot is not False and robot.lower() == "true")),
        data,
        _digest(valid.type, valid.subject, time, data),
    )


def _digest(kind: str, subject: str, time: int | None, data: str) -> int:
    """Return a signed 64-bit digest of what must not differ under one event key; NUL separates the parts."""
    contents = f"{kind}\0{subject}\0{'' if time is None else time}\0{data}".encode()
    return int.from_bytes(hashlib.blake2b(contents, digest_size=8).digest(), "big", signed=True)
