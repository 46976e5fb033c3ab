"""Stream CSV files: no cell is run as a formula by a spreadsheet, and on request no id is changed by one."""

from __future__ import annotations

import codecs
import csv
import io
import re
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import Query

from consumer.web.http.export_response import ExportResponse

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence

    Cell = str | int | None
    Chunks = AsyncGenerator[Iterable[Sequence[Cell]], None]

# Spreadsheets run a text cell that begins with one of these as a formula, some also in full width or after a break.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# What a spreadsheet shows as it is: words that are no names of months or truth values, and numbers without leading
# zeros that are short enough not to be rounded or written with an exponent.
_LEFT_ALONE = re.compile(
    r"(?!(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[-/. ]?\d[-/., \d]*$|(true|false)$)"
    r"([^\W\d]|[/#:~]).*|0|[1-9][0-9]{0,10}",
    re.IGNORECASE | re.DOTALL,
)
# The longest text in a formula of Excel.
_MAX_FORMULA_TEXT = 255
_MAX_NAME = 100

For = Annotated[
    Literal["spreadsheet"] | None,
    Query(
        alias="for",
        description="`spreadsheet`: ids that a spreadsheet would change (`007`, 20 digits, dates) are written as "
        'formulas that give them, like `="007"`. Programs leave it out.',
    ),
]


class Id(str):
    """A cell with an id: not a number or a date, whatever it looks like."""

    __slots__ = ()


def id_cell(text: str | None) -> Cell:
    """Return a cell with an id, or an empty one."""
    return None if text is None else Id(text)


class CsvResponse(ExportResponse):
    """A CSV file; made by `stream_csv` only."""

    media_type = "text/csv"


async def stream_csv(chunks: Chunks, name: str, *, reader: Literal["spreadsheet"] | None) -> CsvResponse:
    """Return a response that streams chunks of rows as a file; raises what producing the first chunk raises.

    name: of the file, without `.csv`. reader: the program that the file is for; None: any.
    """
    cell = _for_spreadsheet if reader else _escape_formula
    head = _lines(await anext(chunks), cell)

    async def parts() -> AsyncIterator[bytes]:
        # Spreadsheets recognize UTF-8 by the byte order mark.
        yield codecs.BOM_UTF8 + head
        async for chunk in chunks:
            yield _lines(chunk, cell)

    file = re.sub(r"[^A-Za-z0-9._-]+", "_", name)[:_MAX_NAME]
    response = CsvResponse(parts(), headers={"Content-Disposition": f'attachment; filename="{file}.csv"'})
    response.source = chunks
    return response


def _lines(rows: Iterable[Sequence[Cell]], written: Callable[[Cell], Cell]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([written(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


def _escape_formula(cell: Cell) -> Cell:
    """Return a cell that spreadsheets show as text; numbers, negative ones too, stay numbers."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS) else cell


def _for_spreadsheet(cell: Cell) -> Cell:
    """Return a cell that spreadsheets show as it is: a changed id finds nothing, and may find another contact."""
    if isinstance(cell, Id) and len(cell) <= _MAX_FORMULA_TEXT and not _LEFT_ALONE.fullmatch(cell):
        quoted = cell.replace('"', '""')
        return f'="{quoted}"' if cell else cell
    return _escape_formula(cell)
