"""Statements whose answers nobody needs, sent one by one and all together."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from consumer.infra.postgres.writes import Writes

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection

_INSERT = """
insert into written (number, text, texts, numbers, times, bytes)
select $1::bigint, $2::text, $3::text[], $4::bigint[], $5::timestamptz[], $6::bytea[]
"""
_AT = datetime(2026, 3, 2, 10, 0, 0, 123456, UTC)
_ODD = [
    "",
    "NULL",
    "it's",
    '{"a": "\\u001f,{}\\\\"}',
    "\\",
    "''; drop table written; --",
    "é\u2028😀",
    "$1",
    "%s",
]
_ROWS: list[tuple[Any, ...]] = [
    (1, 'it\'s \\ "so"', _ODD, [0, -(2**63), 2**63 - 1], [_AT, None], [b"\x00'\\\xff", b"", None]),
    (-1, "", [], [], [], []),
    (None, None, None, None, None, None),
]


@pytest.fixture
async def written(connection: Connection) -> Connection:
    """Give a connection whose database has a table to write to."""
    await connection.execute(
        "create table written (number bigint, text text, texts text[], numbers bigint[], times timestamptz[], "
        "bytes bytea[])"
    )
    return connection


async def _stored(connection: Connection) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await connection.fetch("select * from written order by ctid")]


@pytest.mark.parametrize("together", [False, True])
async def test_values_arrive_as_they_are(written: Connection, together: bool) -> None:
    """Whatever a value holds it is stored as it is, rows that are copied before what statements write."""
    await written.execute("begin")
    writes = Writes(written, together=together)
    if not together:
        await writes.copy("written", [(7,)], ["number"])
    for row in _ROWS:
        await writes.execute(_INSERT, *row)
    if together:
        assert await _stored(written) == []
        await writes.copy("written", [(7,)], ["number"])
    await writes.end("commit")
    assert not written.is_in_transaction()
    assert await _stored(written) == [(7, *[None] * 5), *_ROWS]


@pytest.mark.parametrize("copied", [False, True])
@pytest.mark.parametrize("together", [False, True])
async def test_all_of_it_or_nothing(written: Connection, together: bool, copied: bool) -> None:
    """After a statement that fails nothing is committed; the connection can be used after a rollback."""

    async def write() -> None:
        if copied:
            await writes.copy("written", [(7,)], ["number"])
        await writes.execute(_INSERT, *_ROWS[0])
        await writes.execute("insert into written (number) select 1 / $1::int", 0)
        await writes.end("commit")

    await written.execute("begin")
    writes = Writes(written, together=together)
    with pytest.raises(asyncpg.DivisionByZeroError):
        await write()
    assert written.is_in_transaction()
    await written.execute("rollback")
    assert await _stored(written) == []


@pytest.mark.parametrize("copied", [False, True])
async def test_the_transaction_may_stay_open(written: Connection, copied: bool) -> None:
    """Without a last statement everything is sent, and the caller ends the transaction."""
    await written.execute("begin")
    writes = Writes(written, together=True)
    await writes.end()
    if copied:
        await writes.copy("written", [(7,)], ["number"])
    else:
        await writes.execute(_INSERT, *_ROWS[0])
    await writes.end()
    assert written.is_in_transaction()
    assert len(await _stored(written)) == 1
    await written.execute("rollback")
    assert await _stored(written) == []
