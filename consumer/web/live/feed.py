"""Feeds all clients of a process: one reader follows the outbox, whatever the number of clients.

    outbox ─► row by row, each shard in the order of its commits ─► who listens to the contact ─► its queue
                from their positions once more, for clients that resume (catch_up.py)

It reads only while there are clients, and only messages of their accounts. A row stays in the outbox for a while
after its messages are published (relay/shard_publisher.py): where rows are missing, clients get `reset`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from consumer.infra.postgres.connection import fetch_one
from consumer.infra.postgres.connection_keeper import ConnectionKeeper
from consumer.infra.postgres.errors import retry_reason
from consumer.infra.telemetry.repeated_lines import RepeatedLines
from consumer.infra.wait import event_within
from consumer.relay.outbox_rows import events_of, read_rows
from consumer.web.live.audience import Audience, TooManyListenersError
from consumer.web.live.catch_up import catch_up
from consumer.web.live.job_progress import JobProgress
from consumer.web.live.listener import reset, sse
from consumer.web.live.resume_ids import Position, ResumeIds
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from consumer.infra.clock import Clock
    from consumer.infra.postgres.connection import Connection
    from consumer.infra.telemetry.metrics import Metrics
    from consumer.relay.outbox_rows import OutboxRow
    from consumer.web.live.listener import Listener

log = structlog.get_logger(__name__)

_SQL = queries("live")
# Seconds from one look at the outbox to the next, after an error, and that one round may take.
_EVERY: Final = 0.25
_RETRY_AFTER: Final = 1.0
_PATIENCE: Final = 30.0
# Rows read by one statement; one has up to some thousand messages.
_ROWS: Final = 20
# Events after which clients get a turn to send what they have.
_AT_ONCE: Final = 50


class LiveEvents:
    """The clients of a process, and the reader that feeds them."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        clock: Clock,
        metrics: Metrics,
        *,
        most: int = 1000,
    ) -> None:
        """most: clients at a time; of one account three quarters of them."""
        self.most = most
        self._connect = connect
        self._metrics = metrics
        self._counted = Audience()
        self._admitted = Audience()
        self._pending: dict[Listener, None] = {}
        self._jobs = JobProgress(clock)
        self._repeated = RepeatedLines(clock.monotonic)
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._ids = ResumeIds(b"")
        # How far all admitted clients are fed; None: the reader has not begun.
        self._read: Position | None = None
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._counted)

    def listen(self, listener: Listener) -> None:
        """Feed a client until it leaves; raises TooManyListenersError."""
        of_account = len(self._counted.members(listener.account))
        if len(self._counted) >= self.most or of_account >= max(1, self.most * 3 // 4):
            raise TooManyListenersError("too many clients listen to events: close some, or try again later")
        if self._is_closed:
            listener.close()
        self._counted.add(listener)
        self._metrics.event_clients.set(len(self._counted))
        self._pending[listener] = None
        self._woken.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="live events")

    def leave(self, listener: Listener) -> None:
        """Forget a client."""
        self._counted.remove(listener)
        self._metrics.event_clients.set(len(self._counted))
        self._admitted.remove(listener)
        self._pending.pop(listener, None)
        if not len(self._counted):
            self._woken.set()

    def close(self) -> None:
        """End all streams: the process is about to end."""
        self._is_closed = True
        for listener in self._counted.everyone():
            listener.close()

    # The reader ----------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        """Feed until there are no clients; end all streams after an unexpected error."""
        self._read = None
        try:
            with ConnectionKeeper(self._connect) as database:
                while len(self._counted):
                    self._woken.clear()
                    await event_within(self._woken, await self._try_round(database))
        except Exception:
            log.exception("events end for all clients")
            for listener in self._counted.everyone():
                listener.close()

    async def _try_round(self, database: ConnectionKeeper) -> float:
        """Do a round and return the seconds until the next."""
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._round(await database.get())
        except Exception as error:
            if retry_reason(error) is None:
                raise
            database.drop()
            self._repeated.warn(log, "events wait for the database", error=repr(error)[:200])
            return _RETRY_AFTER
        return _EVERY

    async def _round(self, connection: Connection) -> None:
        if self._read is None:
            self._ids = ResumeIds(await connection.fetchval(_SQL["salt"]))
        row = await fetch_one(connection, _SQL["heads"])
        heads = Position(row["incarnation"], tuple(row["heads"]))
        self._follow(heads)
        arrived = await self._admit(connection)
        for shard, head in enumerate(heads.by_shard):
            while self._position.number(shard) < head:
                await self._advance(connection, shard, head)
        await self._report_jobs(connection, arrived)

    @property
    def _position(self) -> Position:
        if self._read is None:
            raise LookupError("the reader has not begun")
        return self._read

    def _follow(self, heads: Position) -> None:
        """Begin where the outbox ends; also if the database has lost commits since."""
        read = self._read
        if read is not None and read.fits(heads):
            self._read = read = read.padded(len(heads.by_shard))
            if all(here <= head for here, head in zip(read.by_shard, heads.by_shard, strict=True)):
                return
        self._read = heads
        self._reset_all("gap")

    def _reset_all(self, why: str) -> None:
        for listener in self._admitted.everyone():
            listener.clear()
            event_id = self._ids.encode(listener.account, self._position)
            listener.put(reset(why, event_id), event_id)

    async def _advance(self, connection: Connection, shard: int, head: int) -> None:
        """Feed the next rows of a shard to all admitted clients."""
        after = self._position.number(shard)
        rows = await read_rows(connection, shard, after, self._admitted.accounts(), limit=_ROWS)
        if not rows or rows[0].first_position > after + 1:
            # Rows have gone before they were read: this process was held up for long.
            self._read = self._position.at(shard, rows[0].first_position - 1 if rows else head)
            self._reset_all("gap")
        for row in rows:
            await self._feed(shard, row)

    async def _feed(self, shard: int, row: OutboxRow) -> None:
        """Feed the messages of a row to those that listen."""
        sent = 0
        for event in events_of(row, self._position.incarnation):
            if listeners := list(self._admitted.listeners(event.account, event.contact)):
                self._read = self._position.at(shard, event.position)
                event_id = self._ids.encode(event.account, self._position)
                text = sse(event.kind, event.json(), event_id)
                for listener in listeners:
                    if listener.position is None or listener.position.number(shard) < event.position:
                        listener.put(text, event_id)
                sent += 1
                if sent % _AT_ONCE == 0:
                    await asyncio.sleep(0)
        self._read = self._position.at(shard, row.last_position)
        if row.has_newer:
            # Of a message that only a newer program can read.
            self._reset_all("gap")

    # Clients that have come ----------------------------------------------------------------------------------

    async def _admit(self, connection: Connection) -> set[Listener]:
        """Bring new clients to where all others are, begin to feed them, and return them."""
        read, arrived = self._position, list(self._pending)
        resuming = Audience()
        for listener in arrived:
            if listener.position is None and listener.last_event_id is not None:
                listener.position = self._ids.decode(listener.account, listener.last_event_id)
            if listener.position is not None and listener.position.fits(read):
                listener.position = listener.position.padded(len(read.by_shard))
                resuming.add(listener)
        await catch_up(connection, resuming, read, self._ids)
        resumed = set(resuming.everyone())
        for listener in arrived:
            self._begin(listener, is_resumed=listener in resumed)
        # Without those that have left meanwhile.
        admitted = {listener for listener in arrived if listener in self._pending}
        for listener in admitted:
            del self._pending[listener]
            self._admitted.add(listener)
        return admitted

    def _begin(self, listener: Listener, *, is_resumed: bool) -> None:
        """Say to a client whether it has everything up to here."""
        event_id = self._ids.encode(listener.account, self._position)
        if listener.last_event_id is None or is_resumed:
            data = b'{"resumed":true}' if is_resumed else b'{"resumed":false}'
            listener.put(sse("ready", data, event_id), event_id)
        else:
            listener.clear()
            listener.put(reset("too_old", event_id), event_id)
        # A client of another process may be further than this one: it gets nothing twice.
        if not is_resumed or listener.position == self._position:
            listener.position = None

    # Jobs ----------------------------------------------------------------------------------------------------

    async def _report_jobs(self, connection: Connection, arrived: set[Listener]) -> None:
        """Feed the progress of jobs to all clients of their account; to those that have come, of all jobs."""
        for job in await self._jobs.look(connection, self._admitted.accounts(), at_once=bool(arrived)):
            event_id = self._ids.encode(job.account, self._position)
            for listener in self._admitted.members(job.account):
                if job.is_changed or listener in arrived:
                    listener.put(sse("job", job.json), event_id)
