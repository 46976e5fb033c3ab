"""Bounds how many different contacts the calls of a token name in a day: keys are public, and contacts are stored.

Which ones were named is kept in a Bloom filter for all tokens, since a day may have millions: it takes some new
contacts for known ones, one in fifty after ten million, and no known one for new. Each process has its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from consumer.web.tracker.limits import DAY, Counts, Exceeded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from consumer.web.tracker.write_key import WriteKey

# Bits of the filter: 16 MiB, of which the system gives what is written to. A contact has two of them.
_BITS: Final = 1 << 27


class ContactsOfDay:
    """The contacts that were named today. most: of a token."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._counts = Counts(DAY, sliding=False)
        self._day = 0
        self._named = bytearray()

    def take(self, write_key: WriteKey, contacts: Iterable[str], now: float) -> Exceeded | None:
        """Note that a call names contacts; return the limit if they are too many. now: seconds since 1970."""
        for contact in contacts:
            # Python's hash of texts has a secret, so nobody can choose contacts that share their bits.
            bits = hash((write_key.id, contact))
            first, second = bits % _BITS, (bits >> 32) % _BITS
            # At the begin of a day by the filter of the last one, until a contact is new.
            if self._is_named(first) and self._is_named(second):
                continue
            if (wait := self._counts.hit(write_key.id, 1, self._most, now)) is not None:
                return Exceeded(self._most, DAY, wait, daily=True, of="contacts")
            if self._counts.number != self._day:
                self._day, self._named = self._counts.number, bytearray(_BITS // 8)
            self._named[first >> 3] |= 1 << (first & 7)
            self._named[second >> 3] |= 1 << (second & 7)
        return None

    def _is_named(self, bit: int) -> bool:
        return bool(self._named) and self._named[bit >> 3] >> (bit & 7) & 1 == 1
