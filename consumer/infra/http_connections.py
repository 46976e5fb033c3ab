"""Bounds on the connections of an HTTP server: how many there are, and for how long a client may keep one waiting.

uvicorn bounds idle connections only. What it leaves to a proxy is here: a protocol class that it takes as its own,
and a look at every connection once a second (docs/decisions/0032). Never looks at what a request asks for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import h11
import structlog
from uvicorn.protocols.http.h11_impl import H11Protocol

from consumer.infra.telemetry.repeated_lines import RepeatedLines

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

log = structlog.get_logger(__name__)

# Beside the reasons of CONNECTIONS_CLOSED: idle ones are closed as HTTP expects, and not counted.
_IDLE = "idle"

# States of a connection whose client has yet to send: the headers of a request, or its body.
_INCOMPLETE = (h11.IDLE, h11.SEND_BODY)

_EMPTY = b"content-length: 0\r\nconnection: close\r\n\r\n"
_TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\n" + _EMPTY
_FULL = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\n" + _EMPTY


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a server takes of its clients; seconds are exact to one.

    connections: open at a time. headers: seconds until the headers are complete. body: seconds until the body is,
    one more for each `body_rate` bytes that have come. stalled: seconds in which a client takes nothing of its
    answer. idle: seconds between two requests.
    """

    connections: int = 1000
    headers: float = 10.0
    body: float = 10.0
    body_rate: int = 1024
    stalled: float = 30.0
    idle: float = 75.0


class OpenConnections:
    """The open connections of a server. closed: called with one of CONNECTIONS_CLOSED where one ends early."""

    def __init__(self, bounds: Bounds, closed: Callable[[str], None] = lambda _reason: None) -> None:
        self.bounds = bounds
        self._closed = closed
        self._lines = RepeatedLines()
        self._open: set[BoundedProtocol] = set()
        # Those of which no request is complete or in work, the one that waits longest first.
        self._waiting: dict[BoundedProtocol, None] = {}

    def __len__(self) -> int:
        return len(self._open)

    def add(self, connection: BoundedProtocol) -> None:
        """Take a new connection; in a full server in the place of the one that has waited longest for its client.

        Where all are at work the new one is answered 503. So half-sent requests, however many, never displace a
        client that sends its request at once.
        """
        if len(self._open) >= self.bounds.connections:
            displaced = next(iter(self._waiting), None)
            if displaced is None:
                self._note("refused")
                connection.transport.write(_FULL)
                connection.transport.close()
                return
            self._note("displaced")
            self.remove(displaced)
            displaced.transport.abort()
        self._open.add(connection)
        self._waiting[connection] = None

    def remove(self, connection: BoundedProtocol) -> None:
        """Forget a connection that is closed."""
        self._open.discard(connection)
        self._waiting.pop(connection, None)

    def works(self, connection: BoundedProtocol) -> None:
        """Take note that a request is complete."""
        self._waiting.pop(connection, None)

    def waits(self, connection: BoundedProtocol) -> None:
        """Take note that a connection has answered all requests that have come."""
        if connection in self._open:
            self._waiting[connection] = None

    def close_overdue(self, now: float) -> None:
        """Close the connections whose clients have been waited for too long; to be called once a second."""
        for connection in [*self._open]:
            reason = connection.overdue(now, self.bounds)
            if reason is not None:
                if reason == "stalled" or (reason != _IDLE and not connection.transport.is_closing()):
                    self._note(reason)
                connection.give_up(reason)

    def _note(self, reason: str) -> None:
        self._closed(reason)
        self._lines.warn(log, "HTTP connections closed early", because=reason, open=self.bounds.connections)


class BoundedProtocol(H11Protocol):
    """A connection of uvicorn that says what it waits for, and since when."""

    def __init__(self, connections: OpenConnections, **options: Any) -> None:
        super().__init__(**options)
        self._among = connections
        self._received = 0
        # What it waited for when it was looked at last, in which request, since when, and what had come then.
        self._awaited = ""
        self._awaited_in: object = None
        self._since = 0.0
        self._received_by_then = 0
        self._unsent = 0
        self._unsent_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        """Count the connection in."""
        super().connection_made(transport)
        self._among.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Count the connection out."""
        self._among.remove(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take note of a request that has come."""
        self._received += len(data)
        super().data_received(data)
        if self.conn.their_state not in _INCOMPLETE:
            self._among.works(self)

    def on_response_complete(self) -> None:
        """Take note that the next request is waited for, unless it has come already."""
        super().on_response_complete()
        if self.conn.their_state in _INCOMPLETE:
            self._among.waits(self)

    def overdue(self, now: float, bounds: Bounds) -> str | None:
        """Return what has been waited for too long: `idle` or one of CONNECTIONS_CLOSED; None: nothing."""
        awaited = self._awaits()
        if awaited != self._awaited or self._awaited_in is not self.cycle or self.flow.read_paused:
            self._awaited, self._awaited_in = awaited, self.cycle
            self._since, self._received_by_then = now, self._received
        unsent = self.transport.get_write_buffer_size()
        if not unsent or unsent != self._unsent:
            self._unsent, self._unsent_since = unsent, now
        if now - self._unsent_since > bounds.stalled:
            return "stalled"
        waited = now - self._since
        if awaited == "headers" and waited > bounds.headers:
            return "headers"
        if awaited == "body":
            more = (self._received - self._received_by_then) / bounds.body_rate
            # What follows a request that is answered already is not waited for.
            answered = self.cycle.response_complete
            return "body" if waited > bounds.body + (0 if answered else more) else None
        return _IDLE if awaited == _IDLE and waited > bounds.idle else None

    def _awaits(self) -> str:
        state = self.conn.their_state
        if state is h11.SEND_BODY:
            return "body"
        if state is h11.IDLE:
            unfinished, _ = self.conn.trailing_data
            return _IDLE if self.cycle is not None and not unfinished else "headers"
        return ""

    def give_up(self, reason: str) -> None:
        """Close the connection; at the second call at once, whatever is unsent."""
        if reason == "stalled" or self.transport.is_closing():
            self.transport.abort()
            return
        answering = self.cycle is not None and self.cycle.response_started
        if reason == "headers" or (reason == "body" and not answering):
            self.transport.write(_TIMED_OUT)
        self.transport.close()
