"""Builds an index while programs read and write its table; what an interrupted attempt has left is built again.

Postgres builds none on a partitioned table that way. There each partition gets one of its own, and the index of the
table takes them over.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

import asyncpg

from sql import queries

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from consumer.infra.postgres.connection import Connection

_SQL = queries("migrations")

_STATEMENT = re.compile(
    r"create (unique )?index concurrently (\w+)\s+on (\w+)\s*(.*?);?", re.IGNORECASE | re.DOTALL
)
# After a deadlock with a program that waits for a lock while the index waits for its transaction.
_ATTEMPTS = 5
# Seconds from one report of progress to the next.
_REPORT_EVERY = 5.0


class Briefly(Protocol):
    """Runs scripts with brief locks (migration_steps.py)."""

    async def __call__(self, connection: Connection, script: str, report: Callable[[str], None]) -> None:
        """Run a script in a transaction that waits for each lock only briefly, until it gets them."""


class IndexStatementError(Exception):
    """The statement of a step `index` is not one `create index concurrently NAME on TABLE …`."""


class IndexBuilder:
    """Builds indexes on one connection. open_another: opens a second one, which looks at the progress."""

    def __init__(
        self,
        connection: Connection,
        open_another: Callable[[], Awaitable[Connection]],
        report: Callable[[str], None],
    ) -> None:
        self._connection = connection
        self._open_another = open_another
        self._report = report

    async def build(self, statement: str, briefly: Briefly) -> None:
        """Build the index of a `create index concurrently NAME on TABLE …`, unless it is there already."""
        text = "\n".join(line for line in statement.splitlines() if not line.startswith("--"))
        match = _STATEMENT.fullmatch(text.strip())
        if match is None:
            raise IndexStatementError(f"not `create index concurrently NAME on TABLE …`: {statement}")
        unique, name, table, columns = match[1] or "", match[2], match[3], match[4]
        if not await self._connection.fetchval(_SQL["is_partitioned"], table):
            await self._build_one(f"create {unique}index concurrently {name} on {table} {columns}", name)
            return
        # Not valid before each partition has its part; a new partition gets its own by itself.
        whole = f"create {unique}index if not exists {name} on only {table} {columns}"
        await briefly(self._connection, whole, self._report)
        while partitions := await self._connection.fetch(_SQL["partitions_without"], table, name):
            for number, partition in enumerate(partitions, 1):
                self._report(f"  partition {partition['name']}, {number} of {len(partitions)}")
                part = await self._build_part(
                    f"create {unique}index concurrently on {partition['name']} {columns}",
                    partition["name"],
                    name,
                )
                await briefly(self._connection, f"alter index {name} attach partition {part}", self._report)

    async def _build_one(self, statement: str, name: str) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            is_valid = await self._connection.fetchval(_SQL["index_state"], name)
            if is_valid:
                return
            if is_valid is False:
                await self._drop(name)
            await self._create(statement, is_last=attempt == _ATTEMPTS)

    async def _build_part(self, statement: str, partition: str, of_index: str) -> str:
        """Build a partition's part of an index, under the name that Postgres gives it, and return the name."""
        for attempt in range(1, _ATTEMPTS + 1):
            for found in await self._connection.fetch(_SQL["indexes_like"], partition, of_index):
                if found["valid"]:
                    return str(found["name"])
                await self._drop(found["name"])
            await self._create(statement, is_last=attempt == _ATTEMPTS)
        [found] = await self._connection.fetch(_SQL["indexes_like"], partition, of_index)
        return str(found["name"])

    async def _drop(self, name: str) -> None:
        self._report(f"  {name} was not finished: builds it again")
        await self._connection.execute(f"drop index concurrently {name}")

    async def _create(self, statement: str, *, is_last: bool) -> None:
        pid = await self._connection.fetchval("select pg_backend_pid()")
        watching = asyncio.create_task(self._watch(pid))
        try:
            await self._connection.execute(statement)
        except asyncpg.DeadlockDetectedError:
            if is_last:
                raise
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching

    async def _watch(self, pid: int) -> None:
        """Report from time to time how far the server process is; without a connection to see it by, nothing."""
        await asyncio.sleep(_REPORT_EVERY)
        try:
            connection = await self._open_another()
        except (OSError, asyncpg.PostgresError):
            return
        try:
            while True:
                if row := await connection.fetchrow(_SQL["index_progress"], pid):
                    waits = f", waits for {row['waits_for']} transactions" if row["waits_for"] else ""
                    blocks = (
                        f", {row['blocks_done']} of {row['blocks_total']} blocks"
                        if row["blocks_total"]
                        else ""
                    )
                    self._report(f"  {row['phase']}{blocks}{waits}")
                await asyncio.sleep(_REPORT_EVERY)
        finally:
            connection.terminate()
