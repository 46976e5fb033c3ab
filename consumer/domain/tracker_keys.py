"""Keys of tracker tokens: how they are made, and what is stored in their place."""

from __future__ import annotations

import hashlib
import secrets

_KEY_PREFIX, _SECRET_PREFIX = "wk_", "ws_"
_KEY_BYTES, _SECRET_BYTES = 24, 32
# Characters of a key's end that are stored: people know it again by them, nobody can guess the rest.
_ENDING = 4


def new_key() -> str:
    """Return a write key: letters, digits, `-` and `_`."""
    return _KEY_PREFIX + secrets.token_urlsafe(_KEY_BYTES)


def new_signing_secret() -> str:
    """Return a secret for signing links. The key of HMAC is this text, as bytes of UTF-8."""
    return _SECRET_PREFIX + secrets.token_urlsafe(_SECRET_BYTES)


def hash_of(key: str) -> bytes:
    """Return what is stored in the place of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def ending_of(key: str) -> str:
    """Return the last characters of a key."""
    return key[-_ENDING:]
