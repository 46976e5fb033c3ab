"""Describe what a record has in place of a valid value, for the detail of its dead letter."""

from __future__ import annotations

from typing import Final

LONGEST: Final = 64

_KINDS: Final = {
    b'"': "a string",
    b"{": "an object",
    b"[": "a list",
    b"t": "a boolean",
    b"f": "a boolean",
    b"n": "null",
}


def shown(text: str | bytes) -> str:
    """Return the text in quotes: at most 64 characters, control characters and bytes that are not UTF-8 escaped."""
    if isinstance(text, bytes):
        # A character has four bytes at most: the cut falls after those that are shown.
        text = text[: 4 * LONGEST + 1].decode(errors="backslashreplace")
    escaped = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text[: LONGEST + 1]
    )
    return f"'{escaped}'" if len(escaped) <= LONGEST else f"'{escaped[: LONGEST - 1]}…'"


def kind_of(value: bytes) -> str:
    """Name the kind of a JSON value, with its article."""
    return _KINDS.get(value.lstrip(b" \t\r\n")[:1], "a number")
