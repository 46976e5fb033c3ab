"""Publishes one shard of the outbox from the position that Kafka holds, and detects lost commits (semantics §7.4).

A shard's position is what Kafka committed together with the messages; the floor is the same position as far as
Postgres has confirmed it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog
from aiokafka.errors import RequestTimedOutError

from consumer.infra.postgres.connection import fetch_one
from consumer.infra.postgres.revision_lock import configuration_change
from consumer.relay.fact_format import NewerFactsError
from consumer.relay.outbox_messages import mark_of, pending_messages
from consumer.relay.plain_publisher import DeliveryInDoubtError, PublishedPosition
from consumer.relay.transaction_size import TransactionSize
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import asyncpg

    from consumer.infra.postgres.connection import Connection
    from consumer.relay.outbox_messages import OutgoingMessage
    from consumer.relay.plain_publisher import KafkaPublisher

log = structlog.get_logger(__name__)

_SQL = queries("relay")
# What stays of published messages: those of so many seconds, so many at most (docs/decisions/0034).
KEPT_SECONDS = 45.0
KEPT_MESSAGES = 100_000
# Rows deleted at once at most: some more than are written between two times.
_ROWS_TRIMMED = 2000


class NewIncarnationError(Exception):
    """Commits were lost and a new incarnation has begun: start the shard again, from its floor."""


class ShardPublisher:
    """One shard with one publisher; lives until its first error."""

    def __init__(self, number: int, publisher: KafkaPublisher, size: TransactionSize | None = None) -> None:
        """size: of its transactions; it outlives a publisher."""
        self.number = number
        self.size = size or TransactionSize()
        self._publisher = publisher
        self._position = PublishedPosition(0, 0)
        # As Postgres last confirmed it; it moves back only if commits were lost.
        self._floor = 0

    async def start(self, connection: Connection) -> None:
        """Start the publisher, which ends an older publisher's open transaction, and only then read the position.

        Raises DeliveryInDoubtError, TopicsMissingError, and what asyncpg raises.
        """
        known = await self._publisher.start()
        state = await fetch_one(connection, _SQL["state"], self.number)
        self._floor = state["floor"]
        if known is None or known.incarnation < state["incarnation"]:
            # Kafka has no position (first start, or its record was deleted) or one from an older incarnation. Start
            # at the floor; every message after it is sent again under the current incarnation.
            self._position = PublishedPosition(self._floor, state["incarnation"])
            return
        if await self._has_lost_commits(connection, known, state):
            await self._start_new_incarnation(connection, known)
            return
        # The floor may be late, after a crash between a send and the next `publish_due`, which raises it.
        self._position = PublishedPosition(max(known.number, self._floor), state["incarnation"])

    async def publish_due(self, connection: Connection, acknowledged: Callable[[float], None]) -> int:
        """Send the next messages and return how many positions the shard advanced, 0 if nothing is due.

        The floor is raised to the position sent before, while these are sent, or when nothing is. Positions of
        dead letters that were replayed or discarded advance without a message. Calls `acknowledged` for each row
        of which all messages are sent, with the seconds since its commit. Raises NewIncarnationError,
        NewerFactsError, DeliveryInDoubtError, and what asyncpg raises.
        """
        before = self._position
        rows = await connection.fetch(_SQL["due"], self.number, before.number, self.size.messages)
        await self._check_incarnation(connection, rows[0])
        rows = [row for row in rows if row["kinds"] is not None]
        try:
            due = await pending_messages(connection, rows)
        except NewerFactsError:
            await self._raise_floor(connection, before)
            raise
        if due is None:
            await self._raise_floor(connection, before)
            return 0
        position = PublishedPosition(due.position, before.incarnation, self._floor, due.mark)
        # Not before the messages: they would wait for its commit.
        raising = asyncio.create_task(self._raise_floor(connection, before))
        try:
            # The database's clock: brokers refuse records from the future, and this machine's clock may be wrong.
            now = rows[0]["now"]
            took = await self._send(due.messages, position, int(now.timestamp() * 1000))
            self._position = position
            await raising
        finally:
            # After an error: the connection is in use before it has ended.
            raising.cancel()
            await asyncio.gather(raising, return_exceptions=True)
        for row in rows:
            if row["last_position"] <= due.position:
                acknowledged(max(0.0, (now - row["committed_at"]).total_seconds()) + took)
        return due.position - before.number

    async def _send(self, messages: Sequence[OutgoingMessage], position: PublishedPosition, at: int) -> float:
        """Send messages and position, and return the seconds that it took."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            await self._publisher.send(messages, position, at)
        except DeliveryInDoubtError as error:
            if isinstance(error.__cause__, TimeoutError | RequestTimedOutError):
                self.size.timed_out(len(messages))
                log.warning(
                    "transaction timed out, the next is smaller",
                    shard=self.number,
                    messages=self.size.messages,
                )
            raise
        took = loop.time() - began
        self.size.published(len(messages), took)
        return took

    async def _raise_floor(self, connection: Connection, published: PublishedPosition) -> None:
        """Let Postgres know what is published, unless it has lost commits: the next look will show that."""
        if self._floor < published.number:
            raised = await connection.fetchval(
                _SQL["raise_floor"], self.number, published.number, self._floor, published.incarnation
            )
            self._floor = raised or self._floor

    async def trim(self, connection: Connection) -> None:
        """Delete the oldest published rows, except the last ones: readers of the outbox may resume there."""
        await connection.execute(_SQL["trim"], self.number, _ROWS_TRIMMED, KEPT_SECONDS, KEPT_MESSAGES)

    async def discard(self) -> None:
        """End the publisher at once."""
        await self._publisher.discard()

    # Lost commits --------------------------------------------------------------------------------------------

    async def _check_incarnation(self, connection: Connection, state: asyncpg.Record) -> None:
        """Raise NewIncarnationError if the database lost published messages, or another shard found that it did."""
        here = self._position
        if state["incarnation"] == here.incarnation:
            if state["head"] >= here.number and state["floor"] >= self._floor:
                return
            await self._start_new_incarnation(connection, here)
        raise NewIncarnationError(f"shard {self.number} under incarnation {here.incarnation}")

    async def _has_lost_commits(
        self, connection: Connection, known: PublishedPosition, state: asyncpg.Record
    ) -> bool:
        """Return whether the database lacks published messages; a floor that follows late is no loss."""
        if known.incarnation > state["incarnation"] or known.number > state["head"]:
            return True
        if known.floor > state["floor"]:
            return True
        if known.number <= state["floor"]:
            return False
        facts = await connection.fetchval(_SQL["message_at"], self.number, known.number)
        return facts is None or mark_of(facts) != known.mark

    async def _start_new_incarnation(self, connection: Connection, published: PublishedPosition) -> None:
        """Begin a new incarnation, unless another shard did, and take the floor as the position under it."""
        async with configuration_change(connection, None):  # no batch is in flight under this lock
            await connection.execute(_SQL["raise_incarnation"], published.incarnation)
        state = await fetch_one(connection, _SQL["state"], self.number)
        self._floor = state["floor"]
        self._position = PublishedPosition(self._floor, state["incarnation"])
        log.error(
            "the database has lost commits: publishing again from the floor, under a new incarnation",
            shard=self.number,
            published=published.number,
            floor=self._floor,
        )
