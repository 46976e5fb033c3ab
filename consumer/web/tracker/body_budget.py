"""Bounds the memory of bodies that are still being received: slow clients must not fill it."""

from __future__ import annotations

from typing import Final

_MOST: Final = 64 << 20
# Of one address: clients elsewhere have the rest.
_SHARE: Final = _MOST // 4
# What a body has free: a single call.
FREE: Final = 32 << 10


class BodyBudget:
    """The bytes beyond FREE that unfinished bodies hold, of all clients and by address."""

    def __init__(self) -> None:
        self._held = 0
        self._by_address: dict[str, int] = {}

    def take(self, address: str, size: int) -> bool:
        """Take so many bytes and return True; False: there is no room for them."""
        own = self._by_address.get(address, 0) + size
        if self._held + size > _MOST or own > _SHARE:
            return False
        self._held += size
        self._by_address[address] = own
        return True

    def give_back(self, address: str, size: int) -> None:
        """Give back what was taken."""
        if not size:
            return
        self._held -= size
        left = self._by_address[address] - size
        if left:
            self._by_address[address] = left
        else:
            del self._by_address[address]
