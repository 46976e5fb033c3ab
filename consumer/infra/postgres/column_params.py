r"""Lays a column of values out as one parameter, which the statement takes apart again.

The driver asks of each element of an array whether it is an array itself, which took a quarter of a worker's time
(docs/capacity.md). In SQL: `unnest($1::text::bigint[])`, `string_to_table($1, E'\x1f', E'\x1e')`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# Attributes have no control characters (semantics §2), and JSON has none but white space.
_BETWEEN = "\x1f"
_NULL = "\x1e"


def numbers(values: Iterable[int]) -> str:
    """Return whole numbers as the text of an array."""
    return f"{{{','.join(map(str, values))}}}"


def truths(values: Iterable[bool]) -> str:
    """Return booleans as the text of an array."""
    return f"{{{','.join(['t' if value else 'f' for value in values])}}}"


def texts(values: Iterable[str]) -> str:
    """Return texts, none of them empty or with a control character, as one."""
    return _BETWEEN.join(values)


def optional_texts(values: Iterable[str | None]) -> str:
    """Return texts that may be missing as one."""
    return _BETWEEN.join([_NULL if value is None else value for value in values])
