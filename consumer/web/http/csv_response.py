"""CSV files as answers: written while they are read, and harmless to the spreadsheets that open them.

Owns the form of the file, and that what feeds it is closed whatever becomes of the answer. Never reads the
database.
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

# Spreadsheets run a cell that begins with one of these.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
# Seconds that sending one part may take: less than Postgres waits for a transaction that reads in between.
_SEND_TIMEOUT = 30
_MAX_NAME = 100


class CsvResponse(StreamingResponse):
    """A CSV file; `stream_csv` is its only maker."""

    media_type = "text/csv"
    chunks: Chunks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it to its end, or until nobody takes it, and close what it is made of.

        Not as its base does it, which breaks off what is under way, in the database too, when its reader leaves. An
        answer that has no end is one that the server cuts: it does not look whole.
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
    """Tell whether a part was taken in time."""
    try:
        async with asyncio.timeout(_SEND_TIMEOUT):
            await sending
    except TimeoutError:
        log.warning("file cut: its reader does not read on", seconds=_SEND_TIMEOUT)
        return False
    return True


async def stream_csv(chunks: Chunks, name: str) -> CsvResponse:
    """Return the file of rows that come in chunks; raises what making the first of them raises.

    name: for the file, without its ending.
    """
    head = _lines(await anext(chunks))

    async def parts() -> AsyncIterator[bytes]:
        # The mark is what spreadsheets know UTF-8 by.
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
    """Return a cell that spreadsheets show and do not run; numbers are none of theirs to run."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS) else cell
