"""Makes an event of a line, with its own time as its record's timestamp (semantics 4.13, 9.3). Pure."""

from __future__ import annotations

from typing import Final

import msgspec

from consumer.domain.cloudevents import Envelope, unwrap
from consumer.domain.decode import decode
from consumer.domain.describe_value import shown
from consumer.domain.limits import LATEST, LATEST_AFTER_RECORD
from consumer.domain.model import DeadLetter, Event, Record, Tombstone
from consumer.domain.record_headers import headers_by_name
from schemas.timestamps import rfc3339_of
from schemas.vocabulary import DeadLetterReason

_HEADERS: Final = (("content-type", b"application/cloudevents+json"),)
# Later than any event, so that only an event's own time can date it: milliseconds since 1970.
_AFTER_ALL: Final = LATEST // 1000 + 1
_NO_TIME: Final = "time: missing, and a line has no other"


def event_of_line(line: bytes, now_us: int) -> Event | DeadLetter:
    """Return the event of a line, or its fault. now_us: the time, in microseconds since 1970."""
    record = Record("", 0, 0, _AFTER_ALL, None, line, _HEADERS)
    content = decode(record)
    if isinstance(content, Event):
        if content.occurred_us <= now_us + LATEST_AFTER_RECORD:
            return msgspec.structs.replace(content, settled=False)
        found = shown(rfc3339_of(content.occurred_us))
        detail = f"time: found {found}, expected 2000-01-01 to one hour from now"
        return DeadLetter(DeadLetterReason.TIME_OUT_OF_BOUNDS, detail, content.account)
    if isinstance(content, Tombstone):
        raise AssertionError("a line has a value")  # noqa: TRY004 - a defect here
    if content.reason is DeadLetterReason.TIME_OUT_OF_BOUNDS:
        envelope = unwrap(headers_by_name(None, _HEADERS)[0], line)
        if isinstance(envelope, Envelope) and envelope.time is None:
            return DeadLetter(DeadLetterReason.ATTRIBUTE_MISSING, _NO_TIME, content.account)
    return content
