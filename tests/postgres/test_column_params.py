"""Columns on their way into a statement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.infra.postgres.column_params import numbers, optional_texts, texts, truths
from consumer.infra.postgres.connection import fetch_one

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection


async def test_columns_come_out_as_they_went_in(connection: Connection) -> None:
    """Whatever an attribute or JSON may hold, a column arrives value by value, what is missing as null."""
    given_texts = ['{"a": "\\u001f,{}\\\\", "b":\t"\\n"}\r\n', "NULL", "{}", "é\u2028😀", " ", '"']
    given_numbers = [0, -(2**63), 2**63 - 1, 1_772_445_600_000_000, None, 6]
    rows = await connection.fetch(
        """select * from rows from (
               unnest($1::text::bigint[]), unnest($2::text::bool[]), string_to_table($3, E'\\x1f'),
               string_to_table($4, E'\\x1f', E'\\x1e')) as c(number, truth, text, optional)""",
        numbers(given_numbers),
        truths([True, False] * 3),
        texts(given_texts),
        optional_texts([None, *given_texts[:4], None]),
    )
    assert [row["number"] for row in rows] == given_numbers
    assert [row["truth"] for row in rows] == [True, False] * 3
    assert [row["text"] for row in rows] == given_texts
    assert [row["optional"] for row in rows] == [None, *given_texts[:4], None]


async def test_a_column_may_be_empty(connection: Connection) -> None:
    """A column of nothing has no rows."""
    found = await fetch_one(
        connection,
        "select cardinality($1::text::int[]), (select count(*) from string_to_table($2, E'\\x1f'))",
        numbers([]),
        texts([]),
    )
    assert tuple(found) == (0, 0)
