"""Starts and stops clients; no connection is left open, whatever interrupts a start or a stop.

A connection that is forgotten keeps its socket until it is garbage collected, and then logs errors.
"""

# ruff: noqa: SLF001 - uses aiokafka's private attributes (docs/decisions/0017-aiokafka-patches.md);
# tests/kafka/test_interrupted_clients.py shows what they are for
from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import aiokafka.client
from aiokafka.conn import create_conn

from consumer.infra.kafka.abort_connections import abort_all, abort_connection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
    from aiokafka.admin import AIOKafkaAdminClient
    from aiokafka.conn import AIOKafkaConnection

# Seconds for a client to end once its connections are aborted, and for a cancelled task to end.
_FORCED_SECONDS = 0.5

# Connections opened by the tasks that are within `no_connection_left`.
_opened_by: dict[asyncio.Task[Any] | None, list[AIOKafkaConnection]] = {}


@contextmanager
def no_connection_left() -> Iterator[None]:
    """Abort the connections that this task opens within, if it ends with an error or is cancelled.

    AIOKafkaClient.bootstrap(), with which every client starts, has its first connection in a local variable only.
    """
    task = asyncio.current_task()
    aiokafka.client.create_conn = _create_conn
    opened = _opened_by[task] = []
    try:
        yield
    except BaseException:
        for connection in opened:
            abort_connection(connection)
        raise
    finally:
        del _opened_by[task]


async def _create_conn(*arguments: Any, **options: Any) -> AIOKafkaConnection:
    """Call aiokafka's own function, and note the connection for `no_connection_left`."""
    connection = await create_conn(*arguments, **options)
    if (opened := _opened_by.get(asyncio.current_task())) is not None:
        opened.append(connection)
    return connection


async def start_client(client: AIOKafkaConsumer | AIOKafkaProducer | AIOKafkaAdminClient) -> None:
    """Start a client; raises KafkaError. A consumer or producer has to be stopped even if this raises."""
    with no_connection_left():
        await client.start()


async def stop_client(
    client: AIOKafkaConsumer | AIOKafkaProducer, *, within: float = 2.0
) -> BaseException | None:
    """Stop a consumer or producer and return the error it ended with, None if it stopped cleanly.

    within: seconds, then its connections are aborted; without a limit aiokafka waits for a dead broker for ever.
    Runs in a task of its own: aiokafka may raise a CancelledError by itself, or swallow one, and neither may affect
    the cancellation of the caller.
    """
    stopping = asyncio.ensure_future(client.stop())
    done: set[asyncio.Future[None]] = set()
    try:
        done, _ = await asyncio.wait([stopping], timeout=within)
    finally:
        if not done:
            await _end_by_force(client, stopping)
    if not done:
        return TimeoutError(f"not stopped after {within:.0f} s")
    return asyncio.CancelledError() if stopping.cancelled() else stopping.exception()


async def _end_by_force(client: AIOKafkaConsumer | AIOKafkaProducer, stopping: asyncio.Future[None]) -> None:
    """Abort the connections, upon which most clients stop; else cancel the stop and what the client still runs."""
    inner = client.client if hasattr(client, "client") else client._client
    abort_all(inner)
    done, _ = await asyncio.wait([stopping], timeout=_FORCED_SECONDS)
    if done:
        return
    tasks: list[asyncio.Future[None]] = [stopping]
    tasks += [task for task in (_fetch_task(client), inner._sync_task) if task is not None]
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=_FORCED_SECONDS)
    abort_all(inner)  # a task may have been connecting


def _fetch_task(client: AIOKafkaConsumer | AIOKafkaProducer) -> asyncio.Task[None] | None:
    fetcher = getattr(client, "_fetcher", None)
    return None if fetcher is None else fetcher._fetch_task
