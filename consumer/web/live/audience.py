"""Who listens to what: the clients of a process by account and contact, within bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.web.live.listener import Listener

_Place = TypeVar("_Place", str, tuple[str, str])


class TooManyListenersError(Exception):
    """Too many clients listen to events: close some, or try again later."""


class Audience:
    """Clients by account and contact. Dictionaries in place of sets: events go out in the order of arrival."""

    def __init__(self) -> None:
        self._by_account: dict[str, dict[Listener, None]] = {}
        self._to_all: dict[str, dict[Listener, None]] = {}
        self._to_contact: dict[tuple[str, str], dict[Listener, None]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._by_account.values()))

    def accounts(self) -> list[str]:
        """Return the accounts that have clients."""
        return list(self._by_account)

    def members(self, account: str) -> list[Listener]:
        """Return the clients of an account."""
        return list(self._by_account.get(account, ()))

    def everyone(self) -> list[Listener]:
        """Return all clients."""
        return [one for members in self._by_account.values() for one in members]

    def listeners(self, account: str, contact: str) -> Iterator[Listener]:
        """Yield the clients that want the score changes of a contact."""
        yield from self._to_all.get(account, ())
        yield from self._to_contact.get((account, contact), ())

    def add(self, listener: Listener) -> None:
        """Add a client."""
        self._by_account.setdefault(listener.account, {})[listener] = None
        if listener.contacts is None:
            self._to_all.setdefault(listener.account, {})[listener] = None
            return
        for contact in listener.contacts:
            self._to_contact.setdefault((listener.account, contact), {})[listener] = None

    def remove(self, listener: Listener) -> None:
        """Forget a client, if it is there."""
        _discard(self._by_account, listener.account, listener)
        _discard(self._to_all, listener.account, listener)
        for contact in listener.contacts or ():
            _discard(self._to_contact, (listener.account, contact), listener)


def _discard(places: dict[_Place, dict[Listener, None]], place: _Place, listener: Listener) -> None:
    """Remove a client from a place, and the place with the last of them."""
    if (there := places.get(place)) is not None:
        there.pop(listener, None)
        if not there:
            del places[place]
