"""Stream CSV files, with cells escaped that a spreadsheet would run as formulas.

The generator of rows is closed however the response ends: it may hold a database connection.
"""

from __future__ import annotations

import asyncio
import codecs
import csv
import io
import re
from typing import TYPE_CHECKING

import structlog
from starlette.requests import Request
from starlette.responses import StreamingResponse

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Iterable, Sequence

    from starlette.types import Receive, Scope, Send

    Cell = str | int | None
    Chunks = AsyncGenerator[Iterable[Sequence[Cell]], None]

log = structlog.get_logger(__name__)

# Spreadsheets run a text cell that begins with one of these as a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
# Seconds that sending one part may take: less than idle_in_transaction_session_timeout of an export (60 s).
_SEND_TIMEOUT = 30
_MAX_NAME = 100


class CsvResponse(StreamingResponse):
    """A CSV file; made by `stream_csv` only."""

    media_type = "text/csv"
    chunks: Chunks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send all parts, stop if the client disconnects or stalls, then close the generator of rows.

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
            await self.chunks.aclose()


async def _sent_in_time(sending: Awaitable[None]) -> bool:
    """Return whether the client took a part in time."""
    try:
        async with asyncio.timeout(_SEND_TIMEOUT):
            await sending
    except TimeoutError:
        log.warning("export aborted: client stopped reading", seconds=_SEND_TIMEOUT)
        return False
    return True


async def stream_csv(chunks: Chunks, name: str) -> CsvResponse:
    """Return a response that streams chunks of rows as a file; raises what producing the first chunk raises.

    name: of the file, without `.csv`.
    """
    head = _lines(await anext(chunks))

    async def parts() -> AsyncIterator[bytes]:
        # Spreadsheets recognize UTF-8 by the byte order mark.
        yield codecs.BOM_UTF8 + head
        async for chunk in chunks:
            yield _lines(chunk)

    file = re.sub(r"[^A-Za-z0-9._-]+", "_", name)[:_MAX_NAME]
    response = CsvResponse(parts(), headers={"Content-Disposition": f'attachment; filename="{file}.csv"'})
    response.chunks = chunks
    return response


def _lines(rows: Iterable[Sequence[Cell]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([_escape_formula(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


def _escape_formula(cell: Cell) -> Cell:
    """Return a cell that spreadsheets show as text; numbers, negative ones too, stay numbers."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS) else cell
