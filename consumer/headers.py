"""Names of Kafka headers, which are any bytes on the wire and text everywhere here.

Owns how such bytes stand in a text: what is not UTF-8 as lone surrogates, so that nothing is lost and the name
equals none that means anything. Never reads a record.
"""

from __future__ import annotations

from typing import Final

WRONG_BYTES: Final = "surrogateescape"


def name_bytes(name: str) -> bytes:
    """Return the bytes that a name was on the wire."""
    try:
        return name.encode("utf-8", WRONG_BYTES)
    except UnicodeEncodeError:  # it came from no wire, but nothing may fail on it
        return name.encode("utf-8", "surrogatepass")


def readable_name(name: str) -> str:
    r"""Return a name with each wrong byte as \xff: for people, and for clients that send names as UTF-8 only."""
    return name_bytes(name).decode("utf-8", "backslashreplace")
