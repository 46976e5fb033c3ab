"""Records that cannot be events, as broken producers send them: one way for each reason that bytes can give.

Owns these ways. Never decides what a record is: a test holds each against decode.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from consumer.demo.traffic.cloudevent_writer import STRUCTURED
from schemas.names import DeadLetterReason

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.demo.traffic.cloudevent_writer import Headers

_MORE_THAN_ALLOWED = 270_000
_DEEPER_THAN_ALLOWED = 70


def broken(way: DeadLetterReason, envelope: dict[str, Any]) -> tuple[bytes, Headers]:
    """Return value and headers of a record that says what `envelope` does, broken so that it is dead for `way`."""
    return _WAYS[way](dict(envelope))


def _too_large(envelope: dict[str, Any]) -> tuple[bytes, Headers]:
    return _written(envelope | {"data": {"page": "x" * _MORE_THAN_ALLOWED}})


def _not_cloudevent(envelope: dict[str, Any]) -> tuple[bytes, Headers]:
    return msgspec.json.encode(envelope.get("data", {})), [("content-type", b"application/json")]


def _not_json(envelope: dict[str, Any]) -> tuple[bytes, Headers]:
    # Cut short, as by a producer that ran out of buffer.
    return msgspec.json.encode(envelope)[:-20], STRUCTURED


def _too_deep(envelope: dict[str, Any]) -> tuple[bytes, Headers]:
    nested: Any = "bottom"
    for _ in range(_DEEPER_THAN_ALLOWED):
        nested = [nested]
    return _written(envelope | {"data": {"page": nested}})


def _attribute_missing(envelope: dict[str, Any]) -> tuple[bytes, Headers]:
    del envelope["subject"]
    return _written(envelope)


def _attribute_malformed(envelope: dict[str, Any]) -> tuple[bytes, Headers]:
    return _written(envelope | {"accountid": "not an account!"})


def _time_out_of_bounds(envelope: dict[str, Any]) -> tuple[bytes, Headers]:
    # A device whose clock starts at its own beginning.
    return _written(envelope | {"time": "1980-01-06T00:00:00Z"})


def _data_not_object(envelope: dict[str, Any]) -> tuple[bytes, Headers]:
    return _written(envelope | {"data": ["a", "list"]})


def _data_invalid(envelope: dict[str, Any]) -> tuple[bytes, Headers]:
    return _written(envelope | {"type": "payment.succeeded", "data": {"amount": "a lot", "currency": "EUR"}})


def _written(envelope: dict[str, Any]) -> tuple[bytes, Headers]:
    return msgspec.json.encode(envelope), STRUCTURED


_WAYS: dict[DeadLetterReason, Callable[[dict[str, Any]], tuple[bytes, Headers]]] = {
    DeadLetterReason.TOO_LARGE: _too_large,
    DeadLetterReason.NOT_CLOUDEVENT: _not_cloudevent,
    DeadLetterReason.NOT_JSON: _not_json,
    DeadLetterReason.TOO_DEEP: _too_deep,
    DeadLetterReason.ATTRIBUTE_MISSING: _attribute_missing,
    DeadLetterReason.ATTRIBUTE_MALFORMED: _attribute_malformed,
    DeadLetterReason.TIME_OUT_OF_BOUNDS: _time_out_of_bounds,
    DeadLetterReason.DATA_NOT_OBJECT: _data_not_object,
    DeadLetterReason.DATA_INVALID: _data_invalid,
}
WAYS = tuple(_WAYS)
