"""Names of headers: any bytes on the wire, text here, and nothing lost on the way."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as some

from consumer.domain.decode import decode
from consumer.domain.limits import MAX_KEY_AND_HEADER_BYTES
from consumer.domain.model import DeadLetter, Record
from consumer.domain.record_headers import (
    WRONG_BYTES,
    decode_headers,
    encode_headers,
    name_bytes,
    readable_name,
)
from schemas.vocabulary import DeadLetterReason


@given(some.binary())
def test_a_name_of_any_bytes_comes_back(content: bytes) -> None:
    """Bytes read as a name, stored as a dead letter's, and read again are the same bytes."""
    name = content.decode("utf-8", WRONG_BYTES)
    [(stored, _)] = decode_headers(encode_headers(((name, None),)))
    assert name_bytes(stored) == content


@given(some.text(some.characters(codec=None)))
def test_any_name_can_be_shown_and_sent(name: str) -> None:
    """Any text of a name, even with lone surrogates, has bytes and a form that is UTF-8."""
    assert isinstance(name_bytes(name), bytes)
    assert readable_name(name).encode().decode() == readable_name(name)


def test_what_is_utf8_is_shown_as_it_is() -> None:
    """Only the wrong bytes of a name are written out."""
    assert readable_name("ce_é\0") == "ce_é\0"
    assert readable_name(b"ce_\xc3\xa9\xff".decode("utf-8", WRONG_BYTES)) == "ce_é\\xff"


def test_wrong_bytes_of_a_name_count_once() -> None:
    """Key and headers have their 64 KiB on the wire, whatever their names are made of."""
    name = (b"\xff" * MAX_KEY_AND_HEADER_BYTES).decode("utf-8", WRONG_BYTES)
    fits = Record("deals", 0, 0, 0, None, b"{}", ((name, None),))
    for record, reason in (
        (fits, DeadLetterReason.NOT_CLOUDEVENT),
        (msgspec.structs.replace(fits, headers=((name, b"x"),)), DeadLetterReason.TOO_LARGE),
    ):
        letter = decode(record)
        assert isinstance(letter, DeadLetter)
        assert letter.reason == reason
