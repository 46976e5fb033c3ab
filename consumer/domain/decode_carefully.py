"""Decodes any record, and finds the first fault of one that is no event: the reference of decoding. Pure.

decode_usual.py gives the same event sooner, and leaves everything unusual to this.
"""

from __future__ import annotations

from typing import Any, Final

from consumer.domain import cloudevents
from consumer.domain.describe_value import kind_of, shown
from consumer.domain.limits import (
    EARLIEST,
    LATEST,
    LATEST_AFTER_RECORD,
    LONGEST_TEXT,
    MAX_KEY_AND_HEADER_BYTES,
    MAX_VALUE_BYTES,
)
from consumer.domain.make_event import make_event
from consumer.domain.model import DeadLetter, Event, Record, Tombstone
from consumer.domain.record_headers import headers_by_name
from schemas import timestamps
from schemas.events import check_data
from schemas.vocabulary import DeadLetterReason

_TEXT_RULE: Final = f"1 to {LONGEST_TEXT} characters, none of them a control character"
_TEXTS: Final = ("id", "source", "type", "subject", "actorid", "objectid")
_REQUIRED: Final = ("id", "source", "type", "subject", "accountid")


def decode_carefully(record: Record) -> Event | Tombstone | DeadLetter:
    """Return the event of a record, or a dead letter with its first fault in the order of the reasons.

    A tombstone has no faults, whatever its key, headers and timestamp.

    Both modes of CloudEvents give the same event, except for white space around `data`, which binary mode keeps.
    `data_base64` takes precedence over `data`; an empty value counts as absent.
    """
    headers, key_and_header_bytes = headers_by_name(record.key, record.headers)
    value = record.value
    if value is None and not cloudevents.is_announced(headers):
        return Tombstone()
    if key_and_header_bytes > MAX_KEY_AND_HEADER_BYTES or (
        value is not None and len(value) > MAX_VALUE_BYTES
    ):
        return _too_large(headers, key_and_header_bytes, value)
    envelope = cloudevents.unwrap(headers, value)
    if isinstance(envelope, DeadLetter):
        return envelope
    return _decode_envelope(record, headers, envelope)


def _decode_envelope(
    record: Record, headers: dict[str, bytes | None], envelope: cloudevents.Envelope
) -> Event | DeadLetter:
    """Return the event, or its first fault of those that come after `too_deep`."""
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
    valid: Any = envelope  # no required attribute is None: the checks came before
    return make_event(valid, time, record.timestamp or 0, text)


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


def _well_formed(text: str) -> bool:
    """Return True if an attribute keeps the rule of semantics §2; printable text has no control characters."""
    return 0 < len(text) <= LONGEST_TEXT and (text.isprintable() or cloudevents.CONTROL.search(text) is None)


def _time_fault(
    text: str | None, time: int | None, timestamp: int | None
) -> tuple[DeadLetterReason, str] | None:
    """Return the fault of the event's instant: its `time` (text), else its record's timestamp."""
    if timestamp is None:
        return DeadLetterReason.TIME_OUT_OF_BOUNDS, "timestamp: the record has none"
    recorded = timestamp * 1000
    occurred = recorded if time is None else time
    if EARLIEST <= occurred <= min(recorded + LATEST_AFTER_RECORD, LATEST):
        return None
    if text is not None:
        end = "one hour after the record's timestamp" if occurred <= LATEST else "2199-12-31"
        detail = f"time: found {shown(text)}, expected 2000-01-01 to {end}"
    else:
        side = "before 2000-01-01" if recorded < EARLIEST else "after 2199-12-31"
        detail = f"time: missing, and the record's timestamp {timestamp} (milliseconds since 1970) is {side}"
    return DeadLetterReason.TIME_OUT_OF_BOUNDS, detail
