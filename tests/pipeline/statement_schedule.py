"""Workers that run one statement at a time, in an order that was drawn beforehand.

Owns who may send the next statement, and noticing that one waits in Postgres for another's lock: the others go on
meanwhile. Never knows what the statements are for, but that `commit` commits.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from itertools import cycle
from typing import TYPE_CHECKING, Any, cast

from consumer.infra import postgres

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence

    from consumer.infra.postgres.connection import Connection

# How long a statement runs before it is worth asking whether it waits for a lock (seconds).
PATIENCE = 0.005


class Schedule:
    """Gives turns to workers at the borders of their statements.

    monitor: a connection that no worker uses. committed: called with a worker's number after its COMMIT succeeded
    and before another statement is sent. lock_waits: how often a worker waited for another worker's lock.
    """

    def __init__(self, dsn: str, monitor: Connection) -> None:
        self.committed: Callable[[int], None] = lambda _: None
        self.lock_waits = 0
        self.dsn = dsn
        self.monitor = monitor
        self._connections: dict[int, Connection] = {}
        self._pids: dict[int, int] = {}
        self._at_border: dict[int, asyncio.Future[None]] = {}
        self._next: dict[int, str] = {}
        self._working: dict[int, asyncio.Task[None]] = {}
        self._waits_for_lock: set[int] = set()
        self._stirred = asyncio.Event()

    async def connect(self, worker: int) -> Connection:
        """Open a connection as the service does; its statements wait for turns while `run` runs.

        One that the worker of an earlier example had is taken again: statements are planned once on each.
        """
        connection = self._connections.get(worker)
        if connection is None or connection.is_closed():
            connection = self._connections[worker] = await postgres.connect(self.dsn)
            self._pids[worker] = connection.get_server_pid()
        return cast("Connection", _Turned(connection, self, worker))

    def close(self) -> None:
        """Terminate all connections: a worker that failed leaves its transaction open."""
        for connection in self._connections.values():
            connection.terminate()

    async def run(self, turns: Iterable[int], work: Mapping[int, Coroutine[Any, Any, Any]]) -> None:
        """Let workers work to their end. A turn that is given to one who cannot go on falls to another.

        turns: taken one by one, each when it is to be given, and from the beginning again when they are at an end.
        """
        upcoming = cycle(turns)
        self._working = {worker: asyncio.create_task(each) for worker, each in work.items()}
        for task in self._working.values():
            task.add_done_callback(lambda _: self._stirred.set())
        try:
            await self._come_to_rest()
            while not all(task.done() for task in self._working.values()):
                turn = next(upcoming)
                chosen = turn if turn in self._at_border else min(self._at_border)
                self._at_border.pop(chosen).set_result(None)
                await self._come_to_rest()
        finally:
            for task in self._working.values():
                task.cancel()
            results = await asyncio.gather(*self._working.values(), return_exceptions=True)
            self._working, self._at_border, self._waits_for_lock = {}, {}, set()
        for result in results:
            if isinstance(result, BaseException):
                raise result

    @property
    def unfinished(self) -> list[int]:
        """Those of `run` whose work has not ended."""
        return [worker for worker, task in self._working.items() if not task.done()]

    def turns_until(self, worker: int, statement: str) -> Iterator[int]:
        """Give turns to a worker until this statement is its next."""
        while worker not in self._at_border or self._next[worker] != statement:
            yield worker

    async def in_turn(self, worker: int, statement: str, send: Callable[[], Awaitable[Any]]) -> Any:
        """Send a statement when it is the worker's turn."""
        if worker in self._working:
            border = self._at_border[worker] = asyncio.get_running_loop().create_future()
            self._next[worker] = statement
            self._stirred.set()
            await border
        result = await send()
        if statement == "commit":
            self.committed(worker)
        return result

    async def _come_to_rest(self) -> None:
        """Return when every worker is done, at a border, or waits for a lock of one who is at a border."""
        while running := [
            worker
            for worker, task in self._working.items()
            if not task.done() and worker not in self._at_border
        ]:
            if set(running) <= self._waits_for_lock and await self._all_wait(running):
                return
            self._stirred.clear()
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._stirred.wait()
            except TimeoutError:
                if await self._all_wait(running):
                    self.lock_waits += not self._waits_for_lock
                    self._waits_for_lock = set(running)
                    return
        self._waits_for_lock = set()

    async def _all_wait(self, running: Sequence[int]) -> bool:
        """Return whether the statement in flight of each of these waits for another worker's transaction.

        Of workers who wait for one another Postgres ends one, which is then no longer waiting.
        """
        for worker in running:
            blockers = await self.monitor.fetchval("select pg_blocking_pids($1)", self._pids.get(worker, 0))
            if not set(blockers) & set(self._pids.values()):
                return False
        return bool(self._at_border)


class _Turned:
    """A connection whose statements wait for their worker's turn."""

    def __init__(self, connection: Connection, schedule: Schedule, worker: int) -> None:
        self._connection = connection
        self._schedule = schedule
        self._worker = worker

    async def execute(self, query: str, *args: Any) -> Any:
        return await self._in_turn(self._connection.execute, query, *args)

    async def fetch(self, query: str, *args: Any) -> Any:
        return await self._in_turn(self._connection.fetch, query, *args)

    async def fetchrow(self, query: str, *args: Any) -> Any:
        return await self._in_turn(self._connection.fetchrow, query, *args)

    async def fetchval(self, query: str, *args: Any) -> Any:
        return await self._in_turn(self._connection.fetchval, query, *args)

    async def copy_records_to_table(self, table: str, *, where: str | None = None, **options: Any) -> Any:
        return await self._in_turn(
            lambda _: self._connection.copy_records_to_table(table, where=where, **options), where or "copy"
        )

    async def _in_turn(self, send: Callable[..., Awaitable[Any]], query: str, *args: Any) -> Any:
        # Writes sends statements together with a commit: their turn is the commit's.
        name = "commit" if query.endswith("; commit") else query
        return await self._schedule.in_turn(self._worker, name, lambda: send(query, *args))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


@contextmanager
def scheduled(dsn: str) -> Iterator[tuple[Callable[[Coroutine[Any, Any, None]], None], Schedule]]:
    """Yield a function that runs a coroutine to its end, as Hypothesis examples are synchronous, and a schedule."""
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        connection = runner.run(postgres.connect(dsn))
        schedule = Schedule(dsn, connection)
        try:
            yield runner.run, schedule
        finally:
            schedule.close()
            runner.run(connection.close())
