"""Creates the relay's producers, and ends them at once even if their broker is dead or frozen.

Ending a producer flushes nothing: what was not acknowledged counts as unknown.
"""

# ruff: noqa: SLF001 - uses aiokafka's private attributes (docs/decisions/0017-aiokafka-patches.md);
# tests/unit/test_send_once.py fails if any of them changes
from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaProducer
from aiokafka.producer.sender import Sender

from consumer.infra import kafka
from consumer.infra.kafka.abort_connections import abort_all

if TYPE_CHECKING:
    from collections.abc import Iterable

    from consumer.infra.settings import Settings

# A batch is closed at this size; a larger message is a batch of its own.
BATCH_BYTES = 512 << 10


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds after which the outcome of a step counts as unknown.

    operation < request: we give up before aiokafka sends a request again. request < transaction: aiokafka gives up
    before the broker aborts the transaction.
    """

    start: float = 12.0
    operation: float = 4.0
    request: float = 5.0
    transaction: float = 15.0
    stop: float = 1.5


class TrackedSender(Sender):  # type: ignore[misc] # aiokafka ships no types
    """aiokafka's sender, which keeps the tasks it started: the original forgets them when it fails."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.children: set[asyncio.Task[Any]] = set()

    async def _send_produce_req(self, node_id: Any, batches: Any) -> None:
        self._track(asyncio.current_task())
        await super()._send_produce_req(node_id, batches)

    def _maybe_do_transactional_request(self) -> asyncio.Task[Any] | None:
        task: asyncio.Task[Any] | None = super()._maybe_do_transactional_request()
        self._track(task)
        return task

    def _track(self, task: asyncio.Task[Any] | None) -> None:
        if task is not None:
            self.children.add(task)
            task.add_done_callback(self.children.discard)


def make_producer(
    settings: Settings,
    deadlines: Deadlines,
    *,
    transactional_id: str | None = None,
    sender: type[TrackedSender] = TrackedSender,
    role: str = "relay",
    topics_seconds: float = 300.0,
) -> AIOKafkaProducer:
    """Return an idempotent producer, not started; transactional if it has an id.

    role: see `client_options`. topics_seconds: after which it asks for the partitions of its topics anew.
    """
    producer = AIOKafkaProducer(
        **kafka.client_options(settings, role),
        enable_idempotence=True,
        transactional_id=transactional_id,
        transaction_timeout_ms=int(deadlines.transaction * 1000),
        request_timeout_ms=int(deadlines.request * 1000),
        max_batch_size=BATCH_BYTES,
        metadata_max_age_ms=int(topics_seconds * 1000),
    )
    producer._sender = sender(
        producer.client,
        acks=-1,
        txn_manager=producer._txn_manager,
        message_accumulator=producer._message_accumulator,
        retry_backoff_ms=100,
        request_timeout_ms=int(deadlines.request * 1000),
    )
    return producer


async def discard(producer: AIOKafkaProducer, patience: float) -> None:
    """End a producer in any state, started or not, within twice `patience` seconds; never raises.

    Sockets are closed first: nothing still queued may be sent, and no task may wait for a dead broker. The
    producer's own stop() would flush, without a time limit.
    """
    producer._closed = True  # else its finalizer warns
    client, sender = producer.client, producer._sender
    closing = abort_all(client)
    tasks = [task for task in (sender.sender_task, client._sync_task, *sender.children) if task is not None]
    client._sync_task = None
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=patience)
    _retrieve_from(task for task in tasks if task.done())
    closing += abort_all(client)  # a task may have been connecting
    if closing:
        await asyncio.wait(closing, timeout=patience)
    _retrieve_exceptions(producer)


def _retrieve_exceptions(producer: AIOKafkaProducer) -> None:
    """Retrieve all pending exceptions, or asyncio logs "exception was never retrieved" at garbage collection."""
    accumulator, transactions = producer._message_accumulator, producer._txn_manager
    if accumulator._wakeup_handle is not None:
        accumulator._wakeup_handle.cancel()
    batches = [*itertools.chain.from_iterable(accumulator._batches.values()), *accumulator._pending_batches]
    _retrieve_from(batch.future for batch in batches)
    _retrieve_from(batch._drain_waiter for batch in batches)
    if transactions is not None and transactions._transaction_waiter is not None:
        _retrieve_from([transactions._transaction_waiter])


def _retrieve_from(futures: Iterable[asyncio.Future[Any]]) -> None:
    for future in futures:
        if future.done() and not future.cancelled():
            future.exception()
