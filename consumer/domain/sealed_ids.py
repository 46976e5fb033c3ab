"""Texts that show nothing of what is in them to anyone without the installation's salt (docs/decisions/0033). Pure.

Numbers come from sequences of the whole installation: an account that saw them would see how busy the others are.
The key comes from the salt, so that every process makes and reads the same.
"""

from __future__ import annotations

import base64
import binascii
import hashlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

_KEY_BYTES = 32
_PURPOSE = b"engagement seal"
_NUMBER_BYTES = 8


class Seal:
    """A key. AES-SIV, since it needs no nonce: the same content always becomes the same text."""

    def __init__(self, salt: bytes) -> None:
        key = hashlib.blake2b(salt, digest_size=_KEY_BYTES, person=_PURPOSE).digest()
        self._cipher = AESSIV(key)

    def close(self, content: bytes, purpose: bytes) -> str:
        """Return a text for URLs that only `open` with this purpose can read; the content is not empty."""
        return base64.urlsafe_b64encode(self._cipher.encrypt(content, [purpose])).rstrip(b"=").decode()

    def open(self, text: str, purpose: bytes) -> bytes | None:
        """Return the content, None where this key has not sealed it for this purpose."""
        try:
            sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            return self._cipher.decrypt(sealed, [purpose])
        except (binascii.Error, ValueError, InvalidTag):
            return None

    def id_of(self, kind: str, number: int) -> str:
        """Return the id of what has this number; for each kind, like "publish", it is another text."""
        return self.close(number.to_bytes(_NUMBER_BYTES, "big"), _id_of(kind))

    def number_of(self, kind: str, sealed_id: str) -> int | None:
        """Return the number of what has this id; None: it is none of this kind."""
        content = self.open(sealed_id, _id_of(kind))
        return None if content is None else int.from_bytes(content, "big")


def _id_of(kind: str) -> bytes:
    return f"id of {kind}".encode()
