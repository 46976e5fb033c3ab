"""Makes malformed records, as broken producers send them: one kind for each dead-letter reason found in bytes.

A test checks each against the decoder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from consumer.demo.traffic.cloudevent_writer import STRUCTURED
from schemas.vocabulary import DeadLetterReason

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.demo.traffic.cloudevent_writer import Headers

_TOO_MANY_BYTES = 270_000
_TOO_MANY_LEVELS = 70


def malformed(reason: DeadLetterReason, envelope: dict[str, Any]) -> tuple[bytes, Headers]:
    """Return value and headers of a record made from `envelope` that is a dead letter for this reason."""
    return _MALFORM[reason](dict(envelope))


def _too_large(envelope: dict[str, Any]) -> tuple[bytes, Headers]:
    return _structured(envelope | {"data": {"page": "x" * _TOO_MANY_BYTES}})


def _not_cloudevent(envelope: dict[str, Any]) -> tuple[bytes, Headers]:
    return msgspec.json.encode(envelope.get("data", {})), [("content-type", b"application/json")]


def _not_json(envelope: dict[str, Any]) -> tuple[bytes, Headers]:
    # Truncated, as by a producer that ran out of buffer.
    return msgspec.json.encode(envelope)[:-20], STRUCTURED


def _too_deep(envelope: dict[str, Any]) -> tuple[bytes, Headers]:
    nested: Any = "bottom"
    for _ in range(_TOO_MANY_LEVELS):
        nested = [nested]
    return _structured(envelope | {"data": {"page": nested}})


def _attribute_missing(envelope: dict[str, Any]) -> tuple[bytes, Headers]:
    del envelope["subject"]
    return _structured(envelope)


def _attribute_malformed(envelope: dict[str, Any]) -> tuple[bytes, Headers]:
    return _structured(envelope | {"accountid": "not an account!"})


def _time_out_of_bounds(envelope: dict[str, Any]) -> tuple[bytes, Headers]:
    # A device whose clock was never set.
    return _structured(envelope | {"time": "1980-01-06T00:00:00Z"})


def _data_not_object(envelope: dict[str, Any]) -> tuple[bytes, Headers]:
    return _structured(envelope | {"data": ["a", "list"]})


def _data_invalid(envelope: dict[str, Any]) -> tuple[bytes, Headers]:
    return _structured(
        envelope | {"type": "payment.succeeded", "data": {"amount": "a lot", "currency": "EUR"}}
    )


def _structured(envelope: dict[str, Any]) -> tuple[bytes, Headers]:
    return msgspec.json.encode(envelope), STRUCTURED


_MALFORM: dict[DeadLetterReason, Callable[[dict[str, Any]], tuple[bytes, Headers]]] = {
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
REASONS = tuple(_MALFORM)
