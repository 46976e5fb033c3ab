"""Stream files whose parts are made one by one, and stop when the client does.

Parts are made as fast as the database gives them, into a spool from which they are sent: a client that reads slowly
holds no connection. The generator of parts is closed however the response ends.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import structlog
from starlette.requests import Request
from starlette.responses import StreamingResponse

from consumer.web.http.spool import Spool

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable

    from starlette.types import Receive, Scope, Send

    from consumer.web.http.database import Connections

log = structlog.get_logger(__name__)

# Seconds that sending one part may take.
_SEND_TIMEOUT = 30


class ExportResponse(StreamingResponse):
    """A file in parts. source: closed when all parts are made or the client is gone."""

    source: AsyncGenerator[Any, None]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send all parts, stop if the client disconnects or stalls; raises ProblemError before the first one.

        The base class would cancel a running database query when the client disconnects. A response that is stopped
        is never completed, so that the server closes the connection and the client sees a truncated file.
        """
        connections: Connections = scope["app"].state.connections
        spool = Spool()
        making = asyncio.create_task(self._make(spool), name="export")
        try:
            with spool:
                async with connections.of(scope["path_params"]["account"]).download():
                    await self._send_all(spool, Request(scope, receive), send)
        except asyncio.CancelledError:
            making.cancel()
            raise
        finally:
            spool.abandon()
            # What making a part has raised is raised by reading it.
            await asyncio.gather(making, return_exceptions=True)

    async def _make(self, spool: Spool) -> None:
        try:
            await spool.fill(self.body_iterator)  # type: ignore[arg-type] # of bytes, as its callers give it
        finally:
            await self.source.aclose()

    async def _send_all(self, spool: Spool, request: Request, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        while (part := await spool.read()) is not None:
            body = {"type": "http.response.body", "body": part, "more_body": True}
            if await request.is_disconnected() or not await _sent_in_time(send(body)):
                return
        await send({"type": "http.response.body", "body": b"", "more_body": False})


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
