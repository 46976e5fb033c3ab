r"""Encodes a column of values as one text parameter, which the statement splits again.

asyncpg checks each element of an array for being an array itself, which took a quarter of a worker's time
(docs/measurements.md). In SQL: `unnest($1::text::bigint[])`, `string_to_table($1, E'\x1f', E'\x1e')`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

# Attributes have no control characters (semantics §2), and JSON has none but white space.
_SEPARATOR = "\x1f"
_NULL = "\x1e"
_encode = msgspec.json.Encoder().encode


def numbers(values: Iterable[int | None]) -> str:
    """Return integers, of which some may be None, as an array literal."""
    # JSON is an array literal but for its brackets, and takes a tenth of the time of joining texts (measured).
    return f"{{{_encode(list(values)).decode()[1:-1]}}}"


def places(values: Iterable[tuple[int, int]]) -> str:
    """Join the places of rows (ctid). One is valid in its transaction, while a lock keeps other writers out."""
    return _SEPARATOR.join([f"({block},{number})" for block, number in values])


def truths(values: Iterable[bool]) -> str:
    """Return booleans as an array literal."""
    return numbers(values)


def texts(values: Iterable[str]) -> str:
    """Join texts, none of which is empty or has a control character."""
    return _SEPARATOR.join(values)


def optional_texts(values: Iterable[str | None]) -> str:
    """Join texts of which some may be None."""
    return _SEPARATOR.join([_NULL if value is None else value for value in values])
