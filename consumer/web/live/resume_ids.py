"""The ids of events in a stream: how far a client has come, opaque to it.

Positions count the messages of all accounts, which one account must learn nothing of: ids are encrypted, for the
account alone (AES-SIV: the same position has the same id). Any process of the installation reads them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

_MAX_LENGTH = 400
_INCARNATION = struct.Struct(">I")


class Position(NamedTuple):
    """How far the outbox is read: by shard, of an incarnation."""

    incarnation: int
    by_shard: tuple[int, ...]

    def number(self, shard: int) -> int:
        """Return how far a shard is read; 0 of one that is newer."""
        return self.by_shard[shard] if shard < len(self.by_shard) else 0

    def padded(self, shards: int) -> Position:
        """Return the position with so many shards at least: new ones begin at 0."""
        return self._replace(by_shard=self.by_shard + (0,) * (shards - len(self.by_shard)))

    def at(self, shard: int, number: int) -> Position:
        """Return the position with another number for one shard."""
        return self._replace(by_shard=(*self.by_shard[:shard], number, *self.by_shard[shard + 1 :]))

    def fits(self, read: Position) -> bool:
        """Return whether a reader that is at `read` can continue from here."""
        return self.incarnation == read.incarnation and len(self.by_shard) <= len(read.by_shard)


class ResumeIds:
    """Makes and reads ids. salt: the installation's."""

    def __init__(self, salt: bytes) -> None:
        self._cipher = AESSIV(hashlib.blake2b(salt, digest_size=32, person=b"live events").digest())

    def encode(self, account: str, position: Position) -> str:
        """Return the id of a position, for an account."""
        plain = _INCARNATION.pack(position.incarnation) + struct.pack(
            f">{len(position.by_shard)}Q", *position.by_shard
        )
        return base64.urlsafe_b64encode(self._cipher.encrypt(plain, [account.encode()])).rstrip(b"=").decode()

    def decode(self, account: str, text: str) -> Position | None:
        """Return the position of an id; None if it is none of this account and installation."""
        if len(text) > _MAX_LENGTH:
            return None
        try:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            plain = self._cipher.decrypt(raw, [account.encode()])
        except (binascii.Error, ValueError, InvalidTag):
            return None
        (incarnation,) = _INCARNATION.unpack_from(plain)
        return Position(incarnation, struct.unpack(f">{(len(plain) - 4) // 8}Q", plain[4:]))
