"""Server-sent events to one client, until it leaves, its token expires, or the process ends.

Own code, since it is short and each client has the least that it needs: its queue and two tasks.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol

import structlog
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Receive, Scope, Send

    from consumer.infra.clock import Clock

log = structlog.get_logger(__name__)

MEDIA_TYPE: Final = "text/event-stream"
# Seconds: of silence before a comment shows proxies and client that the connection lives; and for a client to take
# what is sent. One that does not read is cut off.
HEARTBEAT: Final = 15.0
SEND_TIMEOUT: Final = 30.0
# A client that has lost the connection tries again after about so many milliseconds.
_RETRY: Final = b"retry: 3000\n\n"
_COMMENT: Final = b":\n\n"


class Source(Protocol):
    """Where events come from."""

    is_closed: bool

    async def take(self, seconds: float) -> bytes:
        """Return all events that wait, as they are sent; nothing if none come in time."""
        ...

    def close(self) -> None:
        """End the stream."""
        ...


class EventStream(Response):
    """A stream of events. expires_at: seconds since 1970. ended: called when it has ended, however it did."""

    media_type = MEDIA_TYPE

    def __init__(self, source: Source, *, expires_at: float, clock: Clock, ended: Callable[[], None]) -> None:
        super().__init__(headers={"X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._source = source
        self._expires_at = expires_at
        self._clock = clock
        self._ended = ended

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until the end."""
        watching = asyncio.create_task(self._watch(receive))
        try:
            await send(
                {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
            )
            if await self._sent(send, _RETRY):
                await self._send_events(send)
        finally:
            watching.cancel()
            self._ended()

    async def _send_events(self, send: Send) -> None:
        while True:
            left = self._expires_at - self._clock.now().timestamp()
            events = await self._source.take(max(0.0, min(HEARTBEAT, left)))
            if events:
                if not await self._sent(send, events):
                    return
            elif self._source.is_closed:
                await self._end(send, b"closed")
                return
            elif left <= HEARTBEAT:
                await self._end(send, b"token_expired")
                return
            elif not await self._sent(send, _COMMENT):
                return

    async def _watch(self, receive: Receive) -> None:
        """Close the source when the client leaves."""
        while (await receive())["type"] != "http.disconnect":
            pass
        self._source.close()

    async def _sent(self, send: Send, part: bytes) -> bool:
        """Return whether the client took a part in time; one that does not is cut off, its response incomplete."""
        try:
            async with asyncio.timeout(SEND_TIMEOUT):
                await send({"type": "http.response.body", "body": part, "more_body": True})
        except TimeoutError:
            log.info("stream ended: the client does not read", seconds=SEND_TIMEOUT)
            return False
        return True

    async def _end(self, send: Send, why: bytes) -> None:
        if await self._sent(send, b'event: end\ndata: {"why":"%b"}\n\n' % why):
            await send({"type": "http.response.body", "body": b"", "more_body": False})
