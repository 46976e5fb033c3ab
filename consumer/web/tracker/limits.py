"""How many events a token, an address and a day may bring: counted in memory, so that no request waits.

Two windows of ten seconds, the earlier one weighted by what is left of it: no burst at the edge of a window gets
twice the limit. Counters go with their windows, so that memory is bounded by the requests of twenty seconds.
shared_limits.py adds what other processes counted.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.web.tracker.write_key import WriteKey

# Seconds. Long enough for the batches in which libraries send, short enough that a refused client soon goes on.
WINDOW = 10
DAY = 86_400
# Seconds by which a clock may be set back without opening a window anew.
_SET_BACK = 60
# Bytes of a call that count as one event: so what bounds events bounds bytes too.
_BYTES = 4096
# Requests per second of one address with keys that are not known: what guesses may cost.
_UNKNOWN_PER_SECOND = 10


class Exceeded(msgspec.Struct, frozen=True):
    """A limit that is used up. limit: in a window of so many seconds. wait: seconds until another try.

    of: what is limited: `events` or `contacts`.
    """

    limit: int
    window: int
    wait: int
    daily: bool = False
    of: str = "events"


class Counts:
    """Events by key in windows of one length; keys are those of one kind of limit."""

    def __init__(self, window: int, *, sliding: bool) -> None:
        self.window = window
        self._sliding = sliding
        self._number = 0
        self._now: dict[str, int] = {}
        self._before: dict[str, int] = {}
        # What other processes counted in the present window.
        self._elsewhere: dict[str, int] = {}

    def hit(self, key: str, cost: int, most: int, now: float) -> int | None:
        """Count events unless there are too many; return the seconds to wait if so. now: seconds since 1970."""
        number = int(now // self.window)
        if number != self._number:
            began = self._number * self.window
            if began - _SET_BACK <= now < began:
                now = began
            else:
                self._turn(number)
        taken = self._now.get(key, 0)
        found = taken + self._elsewhere.get(key, 0) if self._elsewhere else taken
        left = self.window - now % self.window
        if self._sliding and (before := self._before.get(key)):
            if found + cost + before * left / self.window > most:
                # The weight of the window before shrinks steadily; where that is not enough, this one has to end.
                room = max(0, most - found - cost)
                return int(left - room * self.window / before) + 1
        elif found + cost > most:
            return int(left) + 1
        self._now[key] = taken + cost
        return None

    def give_back(self, key: str, cost: int) -> None:
        """Take back what was counted in the present window: another limit was used up."""
        if key in self._now:
            self._now[key] = max(0, self._now[key] - cost)

    def counted(self, least: int) -> Iterator[tuple[str, int]]:
        """Yield keys with so many events in the present window, and how many were counted here."""
        return ((key, count) for key, count in self._now.items() if count >= least)

    def note_elsewhere(self, number: int, key: str, count: int) -> None:
        """Take note of what other processes counted in a window."""
        if number == self._number:
            self._elsewhere[key] = count

    @property
    def number(self) -> int:
        """The number of the present window since 1970."""
        return self._number

    def _turn(self, number: int) -> None:
        if number == self._number + 1 and self._sliding:
            whole = dict(self._now)
            for key, count in self._elsewhere.items():
                whole[key] = whole.get(key, 0) + count
            self._before = whole
        else:
            self._before = {}
        self._now, self._elsewhere, self._number = {}, {}, number


class Limits:
    """The limits of one process."""

    def __init__(self) -> None:
        self.by_token = Counts(WINDOW, sliding=True)
        self.by_address = Counts(WINDOW, sliding=True)
        self.by_day = Counts(DAY, sliding=False)
        self._unknown = Counts(WINDOW, sliding=True)

    def take(self, write_key: WriteKey, address: str | None, cost: int, now: float) -> Exceeded | None:
        """Count events of a call; None if all limits have room for them, else the limit that has not.

        address: None: it is not counted by address.
        """
        by_address = ""
        if address is not None:
            most = write_key.per_second_by_address * WINDOW
            by_address = f"{write_key.id} {network_of(address)}"
            if (wait := self.by_address.hit(by_address, cost, most, now)) is not None:
                return Exceeded(most, WINDOW, wait)
        most = write_key.per_second * WINDOW
        if (wait := self.by_token.hit(write_key.id, cost, most, now)) is not None:
            self.by_address.give_back(by_address, cost)
            return Exceeded(most, WINDOW, wait)
        if (wait := self.by_day.hit(write_key.id, cost, write_key.per_day, now)) is not None:
            self.by_address.give_back(by_address, cost)
            self.by_token.give_back(write_key.id, cost)
            return Exceeded(write_key.per_day, DAY, wait, daily=True)
        return None

    def take_unknown(self, address: str, now: float) -> Exceeded | None:
        """Count a request with a key that is not known; it has a limit by address too."""
        most = _UNKNOWN_PER_SECOND * WINDOW
        wait = self._unknown.hit(network_of(address), 1, most, now)
        return None if wait is None else Exceeded(most, WINDOW, wait)


def cost_of(write_key: WriteKey, events: int, size: int) -> int:
    """Return as how many events a call of so many bytes counts; never more bytes than a window has room for."""
    return max(events, min(-(-size // _BYTES), largest_batch(write_key)))


def largest_batch(write_key: WriteKey) -> int:
    """Return how many events one call may bring: more than a window has room for could never be taken."""
    return min(write_key.per_second, write_key.per_second_by_address) * WINDOW


@lru_cache(maxsize=16_384)
def network_of(address: str) -> str:
    """Return what counts as one address: that itself, of IPv6 the /64, which a single client has all of."""
    if ":" not in address:
        return address
    try:
        return str(ipaddress.IPv6Network((address.partition("%")[0], 64), strict=False).network_address)
    except ValueError:
        return address
