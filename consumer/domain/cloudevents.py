"""Unwraps a record: from its headers and value to the attributes and `data` of a CloudEvent, in both Kafka modes.

Checks JSON grammar and nesting only: decode_carefully.py checks the attributes, schemas/events.py the fields of
`data`.

msgspec decides what is JSON, once the bytes are known to be UTF-8: it refuses NaN, infinities, a BOM and lone
surrogates even in members that it skips (a test compares it with a second parser), but it neither checks the UTF-8
of what it skips nor parses values nested about 1,000 deep.
"""

from __future__ import annotations

import binascii
import re
from functools import lru_cache
from typing import Any, Final, TypeGuard

import msgspec

from consumer.domain.damaged_json import readable_members
from consumer.domain.describe_value import LONGEST, kind_of, shown
from consumer.domain.limits import MAX_DEPTH
from consumer.domain.model import DeadLetter
from schemas.vocabulary import DeadLetterReason

WHITESPACE: Final = b" \t\r\n"

CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")  # category Cc, all of it

_ACCOUNT = re.compile(r"[A-Za-z0-9_-]{1,64}")
_STRINGS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"')
_ALL_LISTS: Final = bytes.maketrans(b"{}", b"[]")
_NOT_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in b"{}[]")
_STRUCTURED: Final = b"application/cloudevents"
_EXPECTED: Final = "expected 'application/cloudevents+json'"
# Attributes whose values a dead letter may show: none of them names a person.
_SHOWN: Final = frozenset({"specversion", "accountid", "time"})
_TOO_DEEP: Final = f"{{}}: found more than {MAX_DEPTH} nested objects and lists"
_NULL: Final = b"null"
_ABSENT: Final = msgspec.Raw()


class Envelope(msgspec.Struct):
    """The listed attributes of a CloudEvent as text; '' for one that is empty, not a string or not UTF-8.

    data: the bytes of the JSON value as received, empty where it is absent.
    """

    specversion: str | None = None
    id: str | None = None
    source: str | None = None
    type: str | None = None
    subject: str | None = None
    accountid: str | None = None
    time: str | None = None
    actorid: str | None = None
    actortype: str | None = None
    objectid: str | None = None
    robot: bool | str | None = None
    data: msgspec.Raw = _ABSENT
    data_base64: msgspec.Raw = _ABSENT

    @property
    def account(self) -> str | None:
        """The account that the event names, None where `accountid` is absent or malformed."""
        return None if self.accountid is None else well_formed_account(self.accountid)


@lru_cache(maxsize=4096)
def well_formed_account(text: str) -> str | None:
    """Return the account if it is well-formed, else None."""
    return text if _ACCOUNT.fullmatch(text) else None


_TEXTS: Final = Envelope.__struct_fields__[:10]
_HEADERS: Final = tuple(f"ce_{name}" for name in (*_TEXTS, "robot"))
_ENVELOPE: Final = msgspec.json.Decoder(Envelope)
_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ANYTHING: Final = msgspec.json.Decoder(msgspec.Raw)
_STRING: Final = msgspec.json.Decoder(str)


def unwrap(headers: dict[str, bytes | None], value: bytes | None) -> Envelope | DeadLetter:
    """Return the CloudEvent of a record, or its first fault in the order of the reasons up to `too_deep`.

    headers: by name in lower case. A fault carries the account if it can be read in the record's mode.
    """
    content_type = headers.get("content-type")
    if is_structured(content_type):
        if content_type.partition(b";")[0].rstrip().lower() != _STRUCTURED + b"+json":
            return DeadLetter(
                DeadLetterReason.NOT_CLOUDEVENT, f"content-type: found {shown(content_type)}, {_EXPECTED}"
            )
        return _structured(value)
    if headers.get("ce_specversion") is not None:
        return _binary(headers, value)
    found = "missing" if content_type is None else f"found {shown(content_type)}"
    return DeadLetter(
        DeadLetterReason.NOT_CLOUDEVENT,
        f"content-type: {found}, {_EXPECTED} (structured) or a header ce_specversion (binary)",
    )


def is_announced(headers: dict[str, bytes | None]) -> bool:
    """Return True if a header says that the record is a CloudEvent, however broken. headers: as in `unwrap`."""
    return is_structured(headers.get("content-type")) or any(name.startswith("ce_") for name in headers)


def describe_attribute(headers: dict[str, bytes | None], value: bytes | None, name: str) -> str:
    """Describe an attribute of a record that `unwrap` accepted; shows the values of those in _SHOWN only."""
    if is_structured(headers.get("content-type")):
        try:
            members = _MEMBERS.decode(value or b"{}")
        except RecursionError:  # about 1,000 deep one decoder still skips what the other refuses
            return "not readable"
        return _describe_member(bytes(members.get(name, _ABSENT)), name)
    header = f"ce_{name}"
    if header not in headers:
        return f"no header {header}"
    return _describe_header(headers[header], name)


def _describe_header(value: bytes | None, name: str) -> str:
    if value is None:
        return f"header ce_{name} has no value"
    if name in _SHOWN:
        return f"found {shown(value)}"
    try:
        return _describe_text(value.decode())
    except UnicodeDecodeError:
        return "found bytes that are not UTF-8"


def _describe_member(value: bytes, name: str) -> str:
    if value in {b"", _NULL}:
        return "null" if value else "missing"
    if value.startswith(b'"'):
        text = _STRING.decode(value)
        return f"found {shown(text)}" if name in _SHOWN else _describe_text(text)
    if name in _SHOWN and not value.startswith((b"{", b"[")):
        literal = value[:LONGEST].decode()  # a number, true or false: ASCII
        return f"found the {kind_of(value).partition(' ')[2]} {literal}"
    return f"found {kind_of(value)}"


def _describe_text(text: str) -> str:
    """Describe what is wrong with the text of an attribute, without showing any of it."""
    control = CONTROL.search(text)
    if not text:
        return "empty"
    if control is None:
        return f"found {len(text)} characters"
    return f"found the control character U+{ord(control[0]):04X} at position {control.start() + 1}"


def is_structured(content_type: bytes | None) -> TypeGuard[bytes]:
    """Return True if the header announces structured mode, in any format."""
    return content_type is not None and content_type[: len(_STRUCTURED)].lower() == _STRUCTURED


def _structured(value: bytes | None) -> Envelope | DeadLetter:
    """Return the event whose envelope is the value."""
    if not value:
        found = "missing" if value is None else "empty"
        return DeadLetter(DeadLetterReason.NOT_JSON, f"value: {found}, expected a CloudEvent in JSON")
    try:
        if not value.isascii():
            value.decode()
        envelope: Envelope | DeadLetter = _ENVELOPE.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        envelope = _member_by_member(value)
    if isinstance(envelope, DeadLetter):
        return envelope
    if envelope.specversion != "1.0":
        found = describe_attribute({"content-type": _STRUCTURED}, value, "specversion")
        return DeadLetter(
            DeadLetterReason.NOT_CLOUDEVENT, f"specversion: {found}, expected '1.0'", envelope.account
        )
    data = bytes(envelope.data_base64)
    if data and data != _NULL:
        # The CloudEvents format allows `data` or `data_base64`, not both: of both, this one is the data.
        fault = _decode_base64(envelope, data)
        if fault is not None:
            return fault
    if deeper_than(value, MAX_DEPTH + 1):
        return DeadLetter(DeadLetterReason.TOO_DEEP, _TOO_DEEP.format("value"), envelope.account)
    return envelope


def _member_by_member(value: bytes) -> Envelope | DeadLetter:
    """Return the envelope of a value in which some attribute is not of its type, or a dead letter.

    The slow path: it keeps each member unparsed until all are read, since of equal names the last counts.
    """
    whole = _parse(value, "value")
    if isinstance(whole, DeadLetter):
        return _fault_of_unparsed(value, whole)
    try:
        members = _MEMBERS.decode(value)
    except msgspec.ValidationError:
        return DeadLetter(
            DeadLetterReason.NOT_CLOUDEVENT, f"value: found {kind_of(value)}, expected a JSON object"
        )
    except RecursionError:
        too_deep = DeadLetter(DeadLetterReason.TOO_DEEP, _TOO_DEEP.format("value"))
        return _fault_of_unparsed(value, too_deep)
    robot = bytes(members.get("robot", _ABSENT))
    texts: dict[str, Any] = {name: _text(bytes(members[name])) for name in _TEXTS if name in members}
    return Envelope(
        **texts,
        robot=robot == b"true" or _text(robot),
        data=members.get("data", _ABSENT),
        data_base64=members.get("data_base64", _ABSENT),
    )


def _fault_of_unparsed(value: bytes, fault: DeadLetter) -> DeadLetter:
    """Return the first fault of a value that the parser refuses for `fault`, with the account if it can be read."""
    members = readable_members(value)
    if members is None:
        return fault
    account = well_formed_account(_text(bytes(members.get("accountid", _ABSENT))) or "")
    version = bytes(members.get("specversion", _ABSENT))
    if _text(version) != "1.0":
        found = _describe_member(version, "specversion")
        return DeadLetter(DeadLetterReason.NOT_CLOUDEVENT, f"specversion: {found}, expected '1.0'", account)
    return DeadLetter(fault.reason, fault.detail, account)


def _text(member: bytes) -> str | None:
    """Return the text of a JSON string, None for null or an absent member, '' for anything else."""
    if member in {b"", _NULL}:
        return None
    return _STRING.decode(member) if member.startswith(b'"') else ""


def _decode_base64(envelope: Envelope, member: bytes) -> DeadLetter | None:
    """Replace `data` with the decoded `data_base64`; return a dead letter where it cannot be decoded."""
    if not member.startswith(b'"'):
        found = f"found {kind_of(member)}, expected base64"
        return DeadLetter(DeadLetterReason.NOT_JSON, f"data_base64: {found}", envelope.account)
    text = _STRING.decode(member)
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        found = f"found {len(text)} characters that are not base64"
        return DeadLetter(DeadLetterReason.NOT_JSON, f"data_base64: {found}", envelope.account)
    return _put_data(envelope, data, "data_base64")


def _binary(headers: dict[str, bytes | None], value: bytes | None) -> Envelope | DeadLetter:
    """Return the event whose attributes are headers and whose `data` is the value, if there is one."""
    texts: list[Any] = [_header(headers.get(name)) for name in _HEADERS]
    envelope = Envelope(*texts)
    if envelope.specversion != "1.0":
        found = describe_attribute(headers, value, "specversion")
        return DeadLetter(
            DeadLetterReason.NOT_CLOUDEVENT, f"specversion: {found}, expected '1.0'", envelope.account
        )
    return _put_data(envelope, value or b"", "value") or envelope


def _header(value: bytes | None) -> str | None:
    """Return the text of a header, None where it has no value, '' where it is not UTF-8."""
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return ""


def _put_data(envelope: Envelope, data: bytes, place: str) -> DeadLetter | None:
    """Set `data` to these bytes, empty for absent; return a dead letter where they are not JSON or too deep."""
    if data:
        parsed = _parse(data, place)
        if isinstance(parsed, DeadLetter):
            return DeadLetter(parsed.reason, parsed.detail, envelope.account)
        if deeper_than(data, MAX_DEPTH):
            return DeadLetter(DeadLetterReason.TOO_DEEP, _TOO_DEEP.format(place), envelope.account)
    envelope.data = msgspec.Raw(data)
    return None


def _parse(value: bytes, place: str) -> msgspec.Raw | DeadLetter:
    """Return the value if it is JSON, else a dead letter."""
    try:
        if not value.isascii():
            value.decode()
        return _ANYTHING.decode(value)
    except UnicodeDecodeError as error:
        return DeadLetter(
            DeadLetterReason.NOT_JSON, f"{place}: found invalid UTF-8 at byte {error.start}, expected JSON"
        )
    except msgspec.DecodeError as error:
        found = f"{place}: found {len(value)} bytes that are not JSON ({error})"
        return DeadLetter(DeadLetterReason.NOT_JSON, found)
    except RecursionError:
        return DeadLetter(DeadLetterReason.TOO_DEEP, _TOO_DEEP.format(place))


def deeper_than(value: bytes, limit: int) -> bool:
    """Return True if valid JSON nests deeper than `limit`; for most values the count of brackets rules it out."""
    if value.count(b"{") + value.count(b"[") <= limit:
        return False
    brackets = _STRINGS.sub(b"", value).translate(_ALL_LISTS, _NOT_BRACKETS)
    for _ in range(limit):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")  # removes the innermost level only
    return brackets != b""
