"""Reads the bodies of calls: their JSON and the types of their fields. What they mean is in records.py. Pure."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Any, Final

import msgspec

from consumer.domain.cloudevents import deeper_than
from consumer.domain.limits import MAX_DEPTH
from consumer.web.tracker.calls.outcome import Refusal
from consumer.web.tracker.calls.refused import RefusedError, malformed
from schemas.vocabulary import RefusalReason

# The limits of Segment's API: its libraries stay below them.
MAX_CALL_BYTES: Final = 32 * 1024
MAX_BATCH_BYTES: Final = 500 * 1024
MAX_BATCH_CALLS: Final = 2500

_TOO_DEEP: Final = f"nested deeper than {MAX_DEPTH}"
_ABSENT: Final = msgspec.Raw()
_NULL: Final = b"null"
_PLACE = re.compile(r" - at `\$\.?([^`]*)`$")

# Some libraries leave numbers as they are. An empty text counts as absent.
_Id = Annotated[str, msgspec.Meta(min_length=0)] | int | None


class Kind(StrEnum):
    """The calls of the API; in a batch, the `type` of each."""

    TRACK = "track"
    PAGE = "page"
    SCREEN = "screen"
    IDENTIFY = "identify"
    GROUP = "group"
    ALIAS = "alias"


class Call(msgspec.Struct, rename="camel"):
    """A call as its caller wrote it; other fields are ignored. type: its kind, once it is read.

    properties, traits and context are JSON as received, empty where they are absent.
    """

    type: str | None = None
    event: str | None = None
    name: str | None = None
    category: str | None = None
    user_id: _Id = None
    anonymous_id: _Id = None
    previous_id: _Id = None
    group_id: _Id = None
    message_id: _Id = None
    timestamp: str | None = None
    sent_at: str | None = None
    write_key: str | None = None
    properties: msgspec.Raw = _ABSENT
    traits: msgspec.Raw = _ABSENT
    context: msgspec.Raw = _ABSENT

    @property
    def tracked_name(self) -> str | None:
        """What follows `track.` in the type of its event; None where a `track` call has no event."""
        return self.event if self.type == Kind.TRACK else self.type


class Batch(msgspec.Struct):
    """The calls of a batch in order: those that cannot be read are refused one by one."""

    calls: list[Call | Refusal]
    write_key: str | None = None


class _BatchBody(msgspec.Struct, rename="camel"):
    batch: list[msgspec.Raw]
    sent_at: str | None = None
    write_key: str | None = None
    context: msgspec.Raw = _ABSENT


_KINDS: Final = tuple(Kind)
_CALL: Final = msgspec.json.Decoder(Call)
_BATCH: Final = msgspec.json.Decoder(_BatchBody)
_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def read_call(kind: Kind, body: bytes) -> Call | Refusal:
    """Return the call in a body of its own."""
    try:
        call = _decode_call(body)
    except RefusedError as error:
        return error.refusal
    call.type = kind
    return call


def read_batch(body: bytes) -> Batch | Refusal:
    """Return the calls of a batch; refused as a whole only where its own form is wrong.

    The batch's `sentAt` is that of its calls; members of its `context` are those of each call that has no own.
    """
    try:
        batch: _BatchBody = _decode(_BATCH, body, most_bytes=MAX_BATCH_BYTES)
    except RefusedError as error:
        return error.refusal
    if deeper_than(bytes(batch.context), MAX_DEPTH):
        return Refusal(RefusalReason.MALFORMED, "context", _TOO_DEEP)
    if not batch.batch:
        return Refusal(RefusalReason.MALFORMED, "batch", "empty")
    if len(batch.batch) > MAX_BATCH_CALLS:
        return Refusal(RefusalReason.TOO_LARGE, "batch", f"more than {MAX_BATCH_CALLS} calls")
    return Batch([_read_member(bytes(member), batch) for member in batch.batch], batch.write_key)


def _read_member(member: bytes, batch: _BatchBody) -> Call | Refusal:
    try:
        call = _decode_call(member)
    except RefusedError as error:
        return error.refusal
    if call.type not in _KINDS:
        return Refusal(RefusalReason.MALFORMED, "type", f"expected one of {', '.join(_KINDS)}")
    call.sent_at = batch.sent_at or call.sent_at
    if given(batch.context):
        call.context = _merged(call.context, batch.context)
    return call


def _merged(own: msgspec.Raw, shared: msgspec.Raw) -> msgspec.Raw:
    """Return a call's context with the members that only its batch has; the call's alone if one is no object."""
    try:
        members = _MEMBERS.decode(shared) | (_MEMBERS.decode(own) if given(own) else {})
    except msgspec.ValidationError:
        return own
    return msgspec.Raw(msgspec.json.encode(members))


def given(member: msgspec.Raw) -> bool:
    """Return whether a member is there: null counts as absent."""
    return bytes(member) not in {b"", _NULL}


def _decode_call(body: bytes) -> Call:
    if deeper_than(body, MAX_DEPTH):
        raise malformed(None, _TOO_DEEP)
    call: Call = _decode(_CALL, body, most_bytes=MAX_CALL_BYTES)
    return call


def _decode(decoder: msgspec.json.Decoder[Any], body: bytes, *, most_bytes: int) -> Any:
    """Return what the body holds; raises RefusedError."""
    if len(body) > most_bytes:
        raise RefusedError(RefusalReason.TOO_LARGE, None, f"more than {most_bytes} bytes")
    try:
        if not body.isascii():
            body.decode()  # msgspec does not check the UTF-8 of what it skips
        return decoder.decode(body)
    except UnicodeDecodeError as error:
        raise malformed(None, f"not UTF-8 at byte {error.start}") from None
    except msgspec.ValidationError as error:
        message = str(error)
        place = _PLACE.search(message)
        raise malformed(place[1] or None if place else None, _PLACE.sub("", message)) from None
    except msgspec.DecodeError:
        raise malformed(None, "not JSON") from None
    except RecursionError:
        raise malformed(None, _TOO_DEEP) from None
