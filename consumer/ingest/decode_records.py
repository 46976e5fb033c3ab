"""Decodes fetched records, yielding to the event loop in between."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import TYPE_CHECKING

from consumer.domain.decode import decode
from consumer.ingest.batch import DecodedRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.domain.model import Record
    from consumer.ingest.stopwatch import Stopwatch

# Records decoded before the event loop gets its turn: less than a millisecond.
_TURN = 100


async def decode_records(records: Sequence[Record], watch: Stopwatch) -> list[DecodedRecord]:
    """Decode records; another batch may be in its transaction meanwhile."""
    decoded: list[DecodedRecord] = []
    spent = 0.0
    for start in range(0, len(records), _TURN):
        if start:
            await asyncio.sleep(0)
        began = perf_counter()
        decoded += [DecodedRecord(record, decode(record)) for record in records[start : start + _TURN]]
        spent += perf_counter() - began
    watch.add("decode", spent)
    return decoded
