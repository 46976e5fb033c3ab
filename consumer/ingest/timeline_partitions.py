"""Creates the timeline's partitions, one table a month, when the first event falls into a month; drops empty ones.

What was older than two years when the database was made, or upgraded, has one partition: the schema makes it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from schemas.timestamps import instant
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Iterable

    from consumer.infra.postgres.connection import Connection

Month = tuple[int, int]

# Partitions are created one at a time.
_LOCK = 0x656E6761_0002

_PASSED_HORIZON = queries("batch")["passed_horizon"]
_DAY = 86_400_000_000  # in microseconds
_TABLE = re.compile(r"timeline_(before_)?(\d{4})_(\d{2})")


def months_of(instants: Iterable[int]) -> set[Month]:
    """Return the (year, month) in UTC that these instants, in microseconds since 1970, fall into."""
    days = {microseconds // _DAY for microseconds in instants}
    return {(day.year, day.month) for day in (instant(number * _DAY) for number in days)}


async def create(connection: Connection, wanted: set[Month]) -> set[Month]:
    """Create the missing partitions of these months, and return all months that have one.

    Each is created as a table of its own and then attached, which does not wait for users of the other partitions.
    """
    existing, first = await _existing(connection)
    for month in sorted(wanted - existing):
        if month < first:
            continue
        async with connection.transaction():
            await connection.execute("select pg_advisory_xact_lock($1)", _LOCK)
            # Another pipeline may have created it while this one waited for the lock.
            if month not in (await _existing(connection))[0]:
                await connection.execute(_script(month))
    return existing | wanted


async def drop_empty(connection: Connection) -> list[Month]:
    """Drop the partitions of months that purges have emptied in every account, and return these months.

    Raises LockNotAvailableError where batches hold the timeline for longer than the connection waits: they and this
    exclude each other, for a moment.
    """
    horizon = await connection.fetchval(_PASSED_HORIZON)
    if horizon is None:
        return []
    existing, _ = await _existing(connection)
    dropped = []
    for month in sorted(month for month in existing if _following(month) <= (horizon.year, horizon.month)):
        is_used = f"select exists (select from {_table(month)})"
        # Before the lock, which all batches wait for: a month that dedup needs something of stays for long.
        if await connection.fetchval(is_used):
            continue
        async with connection.transaction():
            await connection.execute("select pg_advisory_xact_lock($1)", _LOCK)
            # Alone: a lock of the whole timeline would wait for readers of every month.
            await connection.execute("lock table only timeline in access exclusive mode")
            # A batch may have begun before the horizon moved.
            if not await connection.fetchval(is_used):
                await connection.execute(f"drop table {_table(month)}")
                dropped.append(month)
    return dropped


async def _existing(connection: Connection) -> tuple[set[Month], Month]:
    """Return the months that have a partition of their own, and the first that may have one."""
    names = await connection.fetch(queries("batch")["months"])
    found = [match for row in names if (match := _TABLE.fullmatch(row["relname"]))]
    months = {(int(match[2]), int(match[3])) for match in found if not match[1]}
    [first] = [(int(match[2]), int(match[3])) for match in found if match[1]]
    return months, first


def _script(month: Month) -> str:
    year, number = month
    following, table = _following(month), _table(month)
    return f"""
        create table {table} (like timeline including defaults including indexes);
        alter table timeline attach partition {table}
        for values from ('{year:04}-{number:02}-01Z') to ('{following[0]:04}-{following[1]:02}-01Z')"""


def _following(month: Month) -> Month:
    year, number = month
    return year + number // 12, number % 12 + 1


def _table(month: Month) -> str:
    return f"timeline_{month[0]:04}_{month[1]:02}"
