"""Carries messages from the outbox to Kafka, in position order; a task of its own beside the ingest.

Owns publishing, and the floor up to where each shard is known to be published. Never makes a message: their text
comes from apply.sql, dead letters from where they are kept.

This is the plain mode: an idempotent producer, at least once. After a crash messages may repeat, recognisable by
their ids, which are deterministic.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from consumer import kafka
from consumer.db import retry_reason
from consumer.dead import decode_headers
from consumer.headers import readable_name
from consumer.model import DEAD_LETTERS_TOPIC, SCORE_CHANGED_TOPIC, XP_CREDITED_TOPIC
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    import asyncpg

    from consumer.clock import Clock
    from consumer.db import Connection
    from consumer.health import Health
    from consumer.metrics import Metrics
    from consumer.settings import Settings

log = structlog.get_logger(__name__)

_SQL = queries("relay")
# Only one relay of an installation publishes at a time; any fixed number.
_LOCK = 0x656E6761_0003
# A longer value of a dead letter is cut: brokers take about a mebibyte with everything.
MOST_VALUE_BYTES = 900_000
# Rows of the outbox (batches) published between two steps of the floor.
_ROWS = 20
# Seconds until an idle relay looks again by itself, and for Kafka to acknowledge what was sent.
_IDLE = 0.5
_PATIENCE = 10.0

_TOPICS = {"score_changed": SCORE_CHANGED_TOPIC, "xp_credited": XP_CREDITED_TOPIC}
_CLOUDEVENT = (("content-type", b"application/cloudevents+json"),)


class NotAcknowledgedError(Exception):
    """Kafka did not acknowledge what was sent; nobody knows what of it arrived."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message on its way out; topic without prefix."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


class Relay:
    """Publishes the outbox until told to stop."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        settings: Settings,
        *,
        metrics: Metrics,
        health: Health,
        clock: Clock,
    ) -> None:
        self._connect = connect
        self._settings = settings
        self._metrics = metrics
        self._health = health
        self._clock = clock
        self._connection: Connection | None = None
        self._producer: AIOKafkaProducer | None = None
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look at the outbox now: a batch was committed."""
        self._woken.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Publish whatever the outbox holds, until `stopping` is set and one last look found nothing."""
        self._health.expect("relay", within=30)
        log.info("relay runs in plain mode: at least once, repeats are recognisable by id")
        try:
            while True:
                last_look = stopping.is_set()
                published = await self._step()
                if last_look and not published:
                    return
                if not published and not stopping.is_set():
                    await self._rest()
        finally:
            await self._discard_producer()
            self._drop_connection()

    async def _step(self) -> int:
        """Publish what is due and return how many messages that was; a passing error counts as none."""
        try:
            published = await self._publish_due()
        except NotAcknowledgedError as error:
            await self._discard_producer()
            await self._failed("kafka", error)
        except Exception as error:
            if retry_reason(error) is None:
                raise
            await self._failed("database", error)
        else:
            self._health.report("relay", ok=True)
            return published
        return 0

    async def _publish_due(self) -> int:
        connection = await self._ready_connection()
        if connection is None:
            return 0
        rows = await connection.fetch(_SQL["due"], _ROWS)
        messages = await _messages(connection, rows)
        if messages:
            await self._send(messages)
            await connection.execute(
                _SQL["published"], [row["shard"] for row in rows], [row["first_position"] for row in rows]
            )
            self._metrics.relay_transactions.labels("committed").inc()
            now = self._clock.now()
            for row in rows:
                self._metrics.publish_seconds.observe(max(0.0, (now - row["committed_at"]).total_seconds()))
        await self._measure(connection)
        return len(messages)

    async def _send(self, messages: Sequence[Message]) -> None:
        """Return when Kafka has acknowledged every message; raises NotAcknowledgedError where it has not."""
        try:
            producer = await self._ready_producer()
            async with asyncio.timeout(_PATIENCE):
                sent = [
                    await producer.send(
                        self._settings.topic(message.topic),
                        key=message.key,
                        value=message.value,
                        headers=list(message.headers),
                    )
                    for message in messages
                ]
                await asyncio.gather(*sent)
        except (KafkaError, TimeoutError, OSError) as error:
            raise NotAcknowledgedError(repr(error)) from error

    async def _measure(self, connection: Connection) -> None:
        backlog = await connection.fetchrow(_SQL["backlog"])
        if backlog is not None:
            self._metrics.outbox_messages.set(backlog["messages"])
            self._metrics.outbox_oldest_seconds.set(backlog["oldest_seconds"])

    async def _ready_connection(self) -> Connection | None:
        """Return a connection that holds the relay's lock, None while another process holds it."""
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._connect()
        locked = await self._connection.fetchval(_SQL["lock"], _LOCK)
        return self._connection if locked else None

    async def _ready_producer(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                **kafka.client_options(self._settings, "relay"),
                enable_idempotence=True,
                linger_ms=2,
                max_batch_size=256 << 10,
                max_request_size=1 << 20,
                request_timeout_ms=5000,
            )
            try:
                await asyncio.wait_for(producer.start(), 12)
            except BaseException:
                await _silence(producer)
                raise
            self._producer = producer
        return self._producer

    async def _failed(self, what: str, error: BaseException) -> None:
        """Say so and begin anew: what is not known to have arrived is sent again."""
        self._metrics.relay_transactions.labels("aborted").inc()
        self._health.report("relay", ok=False, why=f"{what}: {error!r}"[:200])
        log.warning("relay tries again", because=what, error=repr(error)[:200])
        self._drop_connection()
        await asyncio.sleep(_IDLE)

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(_IDLE):
                await self._woken.wait()
        except TimeoutError:
            pass
        self._woken.clear()

    async def _discard_producer(self) -> None:
        if self._producer is not None:
            producer, self._producer = self._producer, None
            await _silence(producer)

    def _drop_connection(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


async def _messages(connection: Connection, rows: Sequence[asyncpg.Record]) -> list[Message]:
    ids = [
        int(payload)
        for row in rows
        for kind, payload in zip(row["kinds"], row["payloads"], strict=True)
        if kind == "dead_letter"
    ]
    letters = {row["id"]: row for row in await connection.fetch(_SQL["dead_letters"], ids)} if ids else {}
    messages = []
    for row in rows:
        for kind, key, payload in zip(row["kinds"], row["keys"], row["payloads"], strict=True):
            if kind != "dead_letter":
                messages.append(Message(_TOPICS[kind], key.encode(), payload.encode(), _CLOUDEVENT))
            elif int(payload) in letters:  # else discarded before it was told of
                messages.append(dead_letter_message(letters[int(payload)]))
    return messages


def dead_letter_message(letter: asyncpg.Record) -> Message:
    """Return a dead letter as it is published: byte for byte, as far as a broker takes it."""
    headers = tuple((readable_name(name), value) for name, value in decode_headers(letter["headers"]))
    truncated = []
    if sum(len(name) + len(value or b"") for name, value in headers) + len(letter["key"] or b"") > 64 << 10:
        # Beyond what an event may have, and beside a long value more than a broker takes.
        headers = ()
        truncated.append("headers")
    value = letter["value"]
    if value is not None and len(value) > MOST_VALUE_BYTES:
        value = value[:MOST_VALUE_BYTES]
        truncated.append("value")
    key = letter["key"]
    if key is not None and len(key) > 64 << 10:
        key = key[: 64 << 10]
        truncated.append("key")
    told = {
        "engagement-reason": letter["reason"],
        "engagement-detail": letter["detail"],
        "engagement-topic": letter["topic"],
        "engagement-partition": str(letter["partition"]),
        "engagement-offset": str(letter["offset"]),
    }
    if truncated:
        told["engagement-truncated"] = ",".join(truncated)
    return Message(
        DEAD_LETTERS_TOPIC, key, value, (*headers, *((name, text.encode()) for name, text in told.items()))
    )


async def _silence(producer: AIOKafkaProducer) -> None:
    """End a producer so that nothing it still holds arrives behind what its successor sends.

    Its own stop() waits for acknowledgements that a dead broker never gives, and when cancelled leaves the sender
    at work: it would send, once the broker is back, what was published by another long since. So the sockets go
    first, without a last word, then the sender.
    """
    # Private members: aiokafka has no way to give a producer up (it is pinned exactly).
    producer._closed = True  # noqa: SLF001 - said above
    for connection in producer.client._conns.values():  # noqa: SLF001 - said above
        if connection._writer is not None:  # noqa: SLF001 - said above
            connection._writer.transport.abort()  # noqa: SLF001 - said above
        connection.close()
    ending = [producer.client.close()]
    sender = producer._sender.sender_task  # noqa: SLF001 - said above
    if sender is not None:
        sender.cancel()
        ending.append(sender)
    try:
        async with asyncio.timeout(2):
            await asyncio.gather(*ending, return_exceptions=True)
    except TimeoutError as error:
        log.info("producer left without a goodbye", error=repr(error)[:200])
