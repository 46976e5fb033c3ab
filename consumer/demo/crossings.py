"""Who became hot: what `engagement.band-changed` says, and nothing else, as a workflow would read it."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import msgspec

# Of the starting catalog: its first band, which has 0 points in it, and its last.
COLD, HOT = "cold", "hot"
# Contacts that became hot last, kept for the screen and the report.
_KEPT = 5


class _Change(msgspec.Struct):
    previous: str | None
    current: str


class _Points(msgspec.Struct):
    current: int


class _Contact(msgspec.Struct):
    name: str | None


class _Event(msgspec.Struct):
    definition: str


class _Crossing(msgspec.Struct):
    version: int
    causes: list[str]
    group: str | None
    band: _Change
    points: _Points
    contact: _Contact
    event: _Event | None


class BandChanged(msgspec.Struct):
    """A message, as far as the demo reads it."""

    id: str
    subject: str
    accountid: str
    data: _Crossing


DECODER = msgspec.json.Decoder(BandChanged)


class BecameHot(NamedTuple):
    """A contact that entered the band. cause: the definition of the event that did it, or what else did."""

    name: str
    account: str
    points: int
    cause: str

    def __str__(self) -> str:
        return f"{self.name} ({self.account}), {self.points} points by {self.cause}"


class Crossings:
    """The findings so far. became_hot: how many crossings into the band there were; last: the newest of them."""

    def __init__(self) -> None:
        self._bands: dict[str, tuple[int, str]] = {}
        self._ended: dict[str, int] = {}
        self.became_hot = 0
        self.last: deque[BecameHot] = deque(maxlen=_KEPT)

    def take(self, key: str, message: BandChanged) -> BecameHot | None:
        """Take a crossing of overall that was not taken before; returns who became hot by it."""
        data = message.data
        if data.group is not None:
            return None
        if data.version > self._bands.get(key, (0, ""))[0]:
            self._bands[key] = data.version, data.band.current
        if data.band.current != HOT:
            return None
        cause = data.event.definition if data.event else ", ".join(data.causes)
        name = data.contact.name or message.subject
        hot = BecameHot(name, message.accountid, data.points.current, cause)
        self.became_hot += 1
        self.last.append(hot)
        return hot

    def end(self, key: str, version: int) -> None:
        """Forget the contact of a key, whose last message has this version; crossings after it are another's."""
        self._ended[key] = version

    @property
    def bands(self) -> dict[str, str]:
        """The band that each contact entered last, by key of its messages."""
        return {
            key: band for key, (version, band) in self._bands.items() if version > self._ended.get(key, 0)
        }
