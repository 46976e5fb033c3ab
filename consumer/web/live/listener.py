"""One client of a stream: which events it wants, and those that it has not taken yet, within bounds."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final

from consumer.infra.wait import event_within

if TYPE_CHECKING:
    from consumer.web.live.resume_ids import Position

# What may wait for one client. Beyond it all is dropped for one event `reset`.
MAX_EVENTS: Final = 1000
MAX_BYTES: Final = 256 << 10


def sse(event: str, data: bytes, event_id: str | None = None) -> bytes:
    """Return an event as it is sent. data: JSON in one line."""
    head = f"id: {event_id}\nevent: {event}\n" if event_id else f"event: {event}\n"
    return b"%bdata: %b\n\n" % (head.encode(), data)


def reset(why: str, event_id: str) -> bytes:
    """Return the event after which a client has to read everything again."""
    return sse("reset", b'{"why":"%b"}' % why.encode(), event_id)


class Listener:
    """A client's events. contacts: those whose scores it wants; None: all of the account.

    position: how far it has come, where that is not how far the reader of this process has: of one that resumes.
    """

    def __init__(
        self, account: str, contacts: frozenset[str] | None = None, last_event_id: str | None = None
    ) -> None:
        self.account = account
        self.contacts = contacts
        self.last_event_id = last_event_id
        self.position: Position | None = None
        self.is_closed = False
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._woken = asyncio.Event()

    def put(self, event: bytes, event_id: str) -> None:
        """Add an event; if too much waits, drop it all for a `reset`. event_id: the position after the event."""
        if len(self._waiting) >= MAX_EVENTS or self._bytes + len(event) > MAX_BYTES:
            self.clear()
            event = reset("slow", event_id)
        self._waiting.append(event)
        self._bytes += len(event)
        self._woken.set()

    def clear(self) -> None:
        """Drop what waits."""
        self._waiting.clear()
        self._bytes = 0

    def close(self) -> None:
        """End the stream, after what waits."""
        self.is_closed = True
        self._woken.set()

    async def take(self, seconds: float) -> bytes:
        """Return all events that wait, or the first that come in time; nothing if none do, or it is closed."""
        if not self._waiting and not self.is_closed:
            await event_within(self._woken, seconds)
        taken = b"".join(self._waiting)
        self.clear()
        self._woken.clear()
        return taken
