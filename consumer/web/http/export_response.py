"""Stream files whose parts are made one by one, and stop when the client does.

The generator of parts is closed however the response ends: it may hold a database connection.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import structlog
from starlette.requests import Request
from starlette.responses import StreamingResponse

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable

    from starlette.types import Receive, Scope, Send

log = structlog.get_logger(__name__)

# Seconds that sending one part may take: less than idle_in_transaction_session_timeout of an export (60 s).
_SEND_TIMEOUT = 30


class ExportResponse(StreamingResponse):
    """A file in parts. source: closed when the response has ended."""

    source: AsyncGenerator[Any, None]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send all parts, stop if the client disconnects or stalls, then close the generator of parts.

        The base class would cancel a running database query when the client disconnects. A response that is stopped
        is never completed, so that the server closes the connection and the client sees a truncated file.
        """
        request = Request(scope, receive)
        try:
            await send(
                {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
            )
            async for part in self.body_iterator:
                body = {"type": "http.response.body", "body": part, "more_body": True}
                if await request.is_disconnected() or not await _sent_in_time(send(body)):
                    return
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            await self.source.aclose()


async def _sent_in_time(sending: Awaitable[None]) -> bool:
    """Return whether the client took a part in time."""
    try:
        async with asyncio.timeout(_SEND_TIMEOUT):
            await sending
    except TimeoutError:
        log.warning("export aborted: client stopped reading", seconds=_SEND_TIMEOUT)
        return False
    return True


async def stream_lines(lines: AsyncGenerator[bytes, None], media_type: str) -> ExportResponse:
    """Return a response that streams lines as they are made; raises what making the first one raises."""
    first = await anext(lines)

    async def parts() -> AsyncIterator[bytes]:
        yield first
        async for line in lines:
            yield line

    response = ExportResponse(parts(), media_type=media_type)
    response.source = lines
    return response
