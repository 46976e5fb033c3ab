"""Decodes a usual event quickly: msgspec reads the attributes and checks their types and lengths. Pure.

Never finds a fault: whatever is unusual in a way that could matter is left to decode_carefully.py. A property test
holds that both give the same event. Unusual are, for example, `data_base64`, an escaped U+0000, attributes that are
not printable, and more than 64 brackets, however shallow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec

from consumer.domain.cloudevents import is_structured, well_formed_account
from consumer.domain.limits import (
    EARLIEST,
    LATEST,
    LATEST_AFTER_RECORD,
    LONGEST_TEXT,
    MAX_DEPTH,
    MAX_KEY_AND_HEADER_BYTES,
    MAX_VALUE_BYTES,
)
from consumer.domain.make_event import make_event
from consumer.domain.record_headers import headers_by_name
from schemas.timestamps import microseconds
from schemas.usual_data import is_surely_valid

if TYPE_CHECKING:
    from consumer.domain.model import Event, Record

_STRUCTURED: Final = frozenset(
    {
        b"application/cloudevents+json",
        b"application/cloudevents+json; charset=utf-8",
        b"application/cloudevents+json; charset=UTF-8",
        b"application/cloudevents+json;charset=utf-8",
        b"application/cloudevents+json;charset=UTF-8",
    }
)
_ABSENT: Final = msgspec.Raw()
_NO_DATA: Final = frozenset({"", "null"})

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_TEXT)]


class _Envelope(msgspec.Struct, gc=False):
    """The listed attributes of a CloudEvent; control characters, `accountid` and `time` are not checked yet.

    data: the bytes of the JSON value as received, empty where it is absent and in binary mode.
    """

    specversion: Literal["1.0"]
    id: _Text
    source: _Text
    type: _Text
    subject: _Text
    accountid: str
    time: str | None = None
    actorid: _Text | None = None
    actortype: str | None = None
    objectid: _Text | None = None
    robot: bool | str | None = None
    data: msgspec.Raw = _ABSENT
    data_base64: None = None


_ATTRIBUTES: Final = {
    f"ce_{name}": name for name in _Envelope.__struct_fields__ if not name.startswith("data")
}
_ENVELOPE: Final = msgspec.json.Decoder(_Envelope)


def decode_usual(record: Record) -> Event | None:
    """Return the event of a usual record; None where decoding carefully has to decide."""
    value, timestamp = record.value, record.timestamp
    headers, key_and_header_bytes = headers_by_name(record.key, record.headers)
    if value is None or timestamp is None or not _is_small(value, key_and_header_bytes):
        return None
    content_type = headers.get("content-type")
    try:
        if content_type in _STRUCTURED:
            envelope, data = _structured(value)
        elif not is_structured(content_type):
            envelope, data = _binary(headers, value)
        else:
            return None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    time = None if envelope.time is None else microseconds(envelope.time)
    if not (_is_well_formed(envelope, time) and _is_in_bounds(time, timestamp)):
        return None
    if data in _NO_DATA:
        data = "{}"
    elif not is_surely_valid(envelope.type, data):
        return None
    return make_event(envelope, time, timestamp, data)


def _is_small(value: bytes, key_and_header_bytes: int) -> bool:
    """Return True if nothing is too large, and the value not too deep: no value is deeper than it has brackets."""
    return (
        len(value) <= MAX_VALUE_BYTES
        and key_and_header_bytes <= MAX_KEY_AND_HEADER_BYTES
        and value.count(b"{") + value.count(b"[") <= MAX_DEPTH
    )


def _structured(value: bytes) -> tuple[_Envelope, str]:
    """Return the event whose envelope is the value, and its `data`."""
    if not value.isascii():
        value.decode()  # msgspec does not check the UTF-8 of what it skips
    envelope = _ENVELOPE.decode(value)
    return envelope, bytes(envelope.data).decode()


def _binary(headers: dict[str, bytes | None], value: bytes) -> tuple[_Envelope, str]:
    """Return the event whose attributes are headers, and its `data`, which is the value."""
    attributes = {
        attribute: text.decode()
        for name, text in headers.items()
        if text is not None and (attribute := _ATTRIBUTES.get(name))
    }
    return msgspec.convert(attributes, _Envelope), value.decode()


def _is_well_formed(envelope: _Envelope, time: int | None) -> bool:
    """Return True if no attribute is malformed; one with unprintable characters may be well-formed all the same."""
    texts = f"{envelope.id}{envelope.source}{envelope.type}{envelope.subject}{envelope.actorid}{envelope.objectid}"
    return (
        texts.isprintable()
        and well_formed_account(envelope.accountid) is not None
        and (time is not None or envelope.time is None)
    )


def _is_in_bounds(time: int | None, timestamp: int) -> bool:
    recorded = timestamp * 1000
    latest = min(recorded + LATEST_AFTER_RECORD, LATEST)
    return EARLIEST <= (recorded if time is None else time) <= latest
