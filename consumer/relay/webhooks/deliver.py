"""Sends what is enqueued: each webhook by one process at a time, by lease; none waits for another's address.

Of one contact messages are sent in order: after a failed attempt the next ones wait for its repetition. A message
may arrive twice, if a process ends between its arrival and the note of it; then with the same id.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from contextlib import asynccontextmanager
from itertools import groupby
from typing import TYPE_CHECKING, Final, cast

import structlog

from consumer.relay.webhooks.send import PATIENCE, Sender
from sql import queries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    import asyncpg

    from consumer.infra.postgres.connection import Connection, Pool
    from consumer.infra.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

_SQL: Final = queries("webhooks")
# Webhooks that a process serves at a time, and contacts of each whose messages are on their way at a time.
_WEBHOOKS: Final = 64
_CONTACTS: Final = 8
# Deliveries taken at once.
_TAKEN: Final = 200
# Seconds: of a round, after which others have their turn; of the lease, which outlasts it with its last attempt.
_ROUND: Final = 10.0
_LEASE: Final = _ROUND + 2 * PATIENCE
# Seconds until the first repetition; each next one three times as long, up to four hours, for a day in all.
_FIRST: Final = 5.0
_FACTOR: Final = 3.0
_LONGEST: Final = 4 * 3600.0
# Failures in a row after which it is a matter of the address: then one message at a time is tried.
_PATIENT: Final = 5


def pause_after(attempts: int) -> float:
    """Return how many seconds after so many attempts the next is due: jittered by a tenth."""
    return min(_LONGEST, _FIRST * _FACTOR ** min(attempts - 1, 20)) * random.uniform(0.9, 1.1)  # noqa: S311 - no secret


@asynccontextmanager
async def lent(pool: Pool) -> AsyncIterator[Connection]:
    """Lend a connection of a pool."""
    async with pool.acquire() as connection:
        yield cast("Connection", connection)


class Deliveries:
    """Serves webhooks that have something to be sent."""

    def __init__(self, pool: Pool, *, private: bool, metrics: Metrics) -> None:
        """private: whether addresses that are not public are allowed."""
        self._pool = pool
        self._private = private
        self._metrics = metrics
        self._tls = ssl.create_default_context()
        self._tasks: set[asyncio.Task[None]] = set()
        self._rounds: set[_Round] = set()

    async def begin_due(self) -> None:
        """Begin to serve the webhooks that are due, as many as there is room for; raises what asyncpg raises."""
        if (room := _WEBHOOKS - len(self._tasks)) <= 0:
            return
        async with lent(self._pool) as connection:
            webhooks = await connection.fetch(_SQL["claim"], room, _LEASE)
        for webhook in webhooks:
            task = asyncio.create_task(self._serve(webhook), name="webhook")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def drained(self, seconds: float) -> None:
        """Let what is on its way arrive, then end everything."""
        for one in self._rounds:
            one.goes_on = False
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, webhook: asyncpg.Record) -> None:
        signing = [one for one in (webhook["secret"], webhook["previous_secret"]) if one]
        sender = Sender(webhook["url"], signing, private=self._private, tls=self._tls)
        one = _Round(self._pool, webhook, sender, self._metrics)
        self._rounds.add(one)
        try:
            await one.run()
        except Exception as error:  # noqa: BLE001 - the lease ends by itself; the other webhooks go on
            log.warning("webhook not served", webhook=str(webhook["id"]), error=repr(error)[:300])
        finally:
            self._rounds.discard(one)
            await sender.close()


class _Round:
    """A while in which one webhook is served."""

    def __init__(self, pool: Pool, webhook: asyncpg.Record, sender: Sender, metrics: Metrics) -> None:
        self._pool = pool
        self._webhook = webhook["id"]
        self._most = _TAKEN if webhook["failures"] < _PATIENT else 1
        self._sender = sender
        self._metrics = metrics
        # Whether to send another message.
        self.goes_on = True
        self._room = asyncio.Semaphore(_CONTACTS)

    async def run(self) -> None:
        """Send until nothing is due, the time is over, or the webhook has to wait; then give it back."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + _ROUND
        while self.goes_on and loop.time() < ends_at:
            due = await self._fetch(_SQL["due"], self._webhook, self._most)
            if not due:
                break
            async with asyncio.timeout(_LEASE - 1):
                await self._send_all(due, ends_at)
        await self._execute(_SQL["release"], self._webhook)

    async def _send_all(self, due: Sequence[asyncpg.Record], ends_at: float) -> None:
        def contact(row: asyncpg.Record) -> tuple[bool, str]:
            return row["contact"] is None, row["contact"] or row["message_id"]

        ordered = sorted(due, key=contact)  # stable: those of one contact stay in order
        async with asyncio.TaskGroup() as group:
            for _, of_contact in groupby(ordered, key=contact):
                group.create_task(self._send_in_order(list(of_contact), ends_at))

    async def _send_in_order(self, deliveries: Sequence[asyncpg.Record], ends_at: float) -> None:
        async with self._room:
            for delivery in deliveries:
                if not self.goes_on or asyncio.get_running_loop().time() >= ends_at:
                    return
                if not await self._send(delivery):
                    return

    async def _send(self, delivery: asyncpg.Record) -> bool:
        """Send one message, and note what came of it; return whether it has arrived."""
        attempt = await self._sender.send(delivery["message_id"], delivery["body"])
        self._metrics.webhook_attempts.labels("failed" if attempt.error else "delivered").inc()
        if attempt.error is None:
            await self._execute(_SQL["delivered"], self._webhook, delivery["id"], attempt.status)
            return True
        rows = await self._fetch(
            _SQL["failed"],
            *(self._webhook, delivery["id"], attempt.status, attempt.error),
            *(pause_after(delivery["attempts"] + 1), _PATIENT, attempt.is_gone),
        )
        # No row: the webhook was deleted.
        self.goes_on = self.goes_on and bool(rows and rows[0][0])
        return False

    async def _fetch(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        async with lent(self._pool) as connection:
            rows: list[asyncpg.Record] = await connection.fetch(statement, *arguments)
            return rows

    async def _execute(self, statement: str, *arguments: object) -> None:
        async with lent(self._pool) as connection:
            await connection.execute(statement, *arguments)
