"""Connections to Postgres that are cut at an await which the test names, or only counted.

Owns where and how a connection is cut. Never knows what the statements are for.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import asyncpg

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from consumer.infra.postgres.connection import Connection

    _Base = asyncpg.Connection[asyncpg.Record]
else:  # no generic at run time
    _Base = asyncpg.Connection


class WorkerDied(BaseException):
    """The worker's process is gone: none of its code runs any more, so none may catch this."""


@dataclass
class Cuts:
    """Counts the awaits on a worker's connections while `armed`, and cuts at those named.

    at: numbers of awaits, from 1, or the beginnings of statements. after: the statement takes effect and only
    its answer is lost; else it is never sent. fatal: the worker dies of it. awaits: the statements so far.
    undone: the numbers of those whose effects end with the connection, for their transaction goes on after them.
    """

    at: frozenset[int | str] = frozenset()
    after: bool = False
    fatal: bool = False
    armed: bool = False
    dead: bool = False
    awaits: list[str] = field(default_factory=list)
    undone: set[int] = field(default_factory=set)

    async def connect(self, dsn: str) -> Connection:
        """Open a connection that obeys these cuts."""
        if self.dead:
            raise WorkerDied
        connection: _Cuttable = await asyncpg.connect(
            dsn, connection_class=_Cuttable, server_settings={"timezone": "UTC", "lock_timeout": "2000"}
        )
        connection.cuts = self
        return connection


# after, fatal of Cuts: every way, and two of them, from which the other two differ by who goes on only.
EVERY_WAY = ((False, False), (False, True), (True, False), (True, True))
KILLED_OR_LOST = ((False, True), (True, False))


async def cut_everywhere(
    counted: Cuts,
    cut: Callable[[int, bool, bool], Awaitable[None]],
    ways: Sequence[tuple[bool, bool]] = EVERY_WAY,
) -> str:
    """Cut at each await that was counted in each of these ways, all at once; returns what was done, for people.

    Inside a transaction in two ways: before a statement or after it, the client is cut at the same place, and the
    server undoes the same.
    """

    async def one(at: int, after: bool, fatal: bool) -> None:
        await cut(at, after, fatal)

    done = 0
    async with asyncio.TaskGroup() as cases:
        for at in range(1, len(counted.awaits) + 1):
            for after, fatal in KILLED_OR_LOST if at in counted.undone else ways:
                cases.create_task(one(at, after, fatal))
                done += 1
    return f"{done}, at {len(counted.awaits)} awaits"


async def finish(dsn: str, cuts: Cuts, work: Callable[[Connection, Cuts], Awaitable[None]]) -> None:
    """Do work, which arms the cuts, over a connection that obeys them; after a cut as another worker does."""
    while True:
        try:
            connection = await cuts.connect(dsn)
            try:
                await work(connection, cuts)
            finally:
                connection.terminate()
        except (WorkerDied, asyncpg.PostgresConnectionError, asyncpg.InterfaceError):
            cuts = Cuts()
        else:
            return


class _Cuttable(_Base):
    cuts: Cuts | None = None

    async def execute(self, query: str, *args: Any, **options: Any) -> str:
        status: str = await self._await(
            query, lambda: super(_Cuttable, self).execute(query, *args, **options)
        )
        return status

    async def fetch(self, query: str, *args: Any, **options: Any) -> Any:
        return await self._await(query, lambda: super(_Cuttable, self).fetch(query, *args, **options))

    async def fetchrow(self, query: str, *args: Any, **options: Any) -> Any:
        return await self._await(query, lambda: super(_Cuttable, self).fetchrow(query, *args, **options))

    async def fetchval(self, query: str, *args: Any, **options: Any) -> Any:
        return await self._await(query, lambda: super(_Cuttable, self).fetchval(query, *args, **options))

    async def copy_records_to_table(self, table_name: str, **options: Any) -> Any:
        return await self._await(
            options.get("where") or f"copy {table_name}",
            lambda: super(_Cuttable, self).copy_records_to_table(table_name, **options),
        )

    async def _await(self, statement: str, send: Callable[[], Awaitable[Any]]) -> Any:
        cuts = self.cuts
        if cuts is None or not cuts.armed:
            return await send()
        if cuts.dead:
            raise WorkerDied
        # Writes sends statements together with a commit: they are cut where the commit is.
        name = "commit" if statement.endswith("; commit") else " ".join(statement.split())[:60]
        cuts.awaits.append(name)
        if self.is_in_transaction() and name not in {"commit", "COMMIT;"}:
            cuts.undone.add(len(cuts.awaits))
        if not cuts.at & {len(cuts.awaits), cuts.awaits[-1]}:
            return await send()
        if cuts.after:
            await send()
        self.terminate()
        if cuts.fatal:
            cuts.dead = True
            raise WorkerDied
        raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
