"""Stream CSV files, with cells escaped that a spreadsheet would run as formulas."""

from __future__ import annotations

import codecs
import csv
import io
import re
from typing import TYPE_CHECKING

from consumer.web.http.export_response import ExportResponse

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence

    Cell = str | int | None
    Chunks = AsyncGenerator[Iterable[Sequence[Cell]], None]

# Spreadsheets run a text cell that begins with one of these as a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_MAX_NAME = 100


class CsvResponse(ExportResponse):
    """A CSV file; made by `stream_csv` only."""

    media_type = "text/csv"


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
    response.source = chunks
    return response


def _lines(rows: Iterable[Sequence[Cell]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([_escape_formula(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


def _escape_formula(cell: Cell) -> Cell:
    """Return a cell that spreadsheets show as text; numbers, negative ones too, stay numbers."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS) else cell
