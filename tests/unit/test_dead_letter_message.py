"""Dead letters as messages: whole, or without what a broker would refuse, as contracts.md says it."""

from __future__ import annotations

from typing import Any

import pytest

from consumer.domain.record_headers import encode_headers
from consumer.relay.outbox_messages import dead_letter_message

_KIB = 1024


def _letter(key: int, value: int, header: int) -> Any:
    """Return a stored dead letter with parts of so many bytes; the header's name has one of them."""
    where = {"reason": "not_json", "detail": "broken", "topic": "deals", "partition": 3, "offset": 17}
    headers = encode_headers((("x", b"h" * (header - 1)),))
    return {"key": b"k" * key, "value": b"v" * value, "headers": headers, **where}


@pytest.mark.parametrize(
    ("key", "value", "header", "sent", "truncated"),
    [
        (3, 5, 2, (3, 5, 2), None),
        (32 * _KIB, 900_000, 32 * _KIB, (32 * _KIB, 900_000, 32 * _KIB), None),
        (32 * _KIB, 5, 32 * _KIB + 1, (32 * _KIB, 5, 0), b"headers"),
        (3, 900_001, 2, (3, 900_000, 2), b"value"),
        (65_537, 900_001, 2, (65_536, 900_000, 0), b"headers,value,key"),
    ],
)
def test_what_a_broker_would_refuse_is_not_sent_whole(
    key: int, value: int, header: int, sent: tuple[int, int, int], truncated: bytes | None
) -> None:
    """Original headers are left out as a whole, value and key are cut, each at its limit; a header lists which."""
    message = dead_letter_message(_letter(key, value, header))
    headers = dict(message.headers)
    original = sum(len(name) + len(text or b"") for name, text in headers.items() if name == "x")
    assert (len(message.key or b""), len(message.value or b""), original) == sent
    assert headers.get("engagement-truncated") == truncated
    assert headers["engagement-offset"] == b"17"
