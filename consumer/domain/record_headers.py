"""Headers of Kafka records: names that are not UTF-8, and the stored form of headers.

In Kafka a name is any bytes. Bytes that are not UTF-8 become lone surrogates here: nothing is lost, and such a name
equals no known header.
"""

from __future__ import annotations

import base64
import json
from typing import Final, TypeAlias

Headers: TypeAlias = tuple[tuple[str, bytes | None], ...]

WRONG_BYTES: Final = "surrogateescape"


def name_bytes(name: str) -> bytes:
    """Return the original bytes of a name."""
    try:
        return name.encode("utf-8", WRONG_BYTES)
    except UnicodeEncodeError:  # not from Kafka, but nothing may fail on it
        return name.encode("utf-8", "surrogatepass")


def headers_by_name(key: bytes | None, headers: Headers) -> tuple[dict[str, bytes | None], int]:
    """Return the headers by lower-case name, of equal names the last, and the size of key and headers in bytes."""
    by_name: dict[str, bytes | None] = {}
    size = 0 if key is None else len(key)
    for name, value in headers:
        size += len(name) if name.isascii() else len(name_bytes(name))
        if value is not None:
            size += len(value)
        by_name[name.lower()] = value
    return by_name, size


def readable_name(name: str) -> str:
    r"""Return a name with each wrong byte as \xff: for people, and for clients that accept UTF-8 names only."""
    return name_bytes(name).decode("utf-8", "backslashreplace")


def encode_headers(headers: Headers) -> bytes:
    """Return the stored form of headers: JSON, [[name, value in base64 or null], …]."""
    return json.dumps(
        [[name, None if value is None else base64.b64encode(value).decode()] for name, value in headers]
    ).encode()


def decode_headers(stored: bytes) -> Headers:
    """Return headers from their stored form."""
    return tuple(
        (name, None if value is None else base64.b64decode(value)) for name, value in json.loads(stored)
    )
