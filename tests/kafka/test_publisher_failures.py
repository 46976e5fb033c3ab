"""Publishers whose broker dies or freezes, or that are cancelled: bounded waits, and no task or socket left."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from consumer.relay.outbox_messages import OutgoingMessage
from consumer.relay.plain_publisher import DeliveryInDoubtError, PlainPublisher, PublishedPosition
from consumer.relay.producers import Deadlines
from consumer.relay.transactional_publisher import TransactionalPublisher
from schemas.vocabulary import OUTPUT_TOPICS
from tests.kafka.kafka_proxy import Api
from tests.kafka.miniature_relay import MiniatureRelay, assert_each_once_in_order, messages, prepare, visible
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from tests.kafka.broker_with_proxy import Proxied

pytestmark = [pytest.mark.real_kafka, pytest.mark.usefixtures("nothing_unseen")]


@pytest.mark.parametrize("kill", [False, True], ids=["frozen", "killed"])
async def test_a_broker_that_is_gone(proxied: Proxied, topic_prefix: str, kill: bool) -> None:
    """Publishing fails within its deadline, discarding takes 3 s at most, and nothing is left open or running."""
    server = proxied.server
    settings = await prepare(server, topic_prefix)
    tasks, sockets = asyncio.all_tasks(), _sockets()
    publisher, next_one = (TransactionalPublisher(settings, 0) for _ in range(2))
    await publisher.start()
    await publisher.send(messages(1, 5), PublishedPosition(5, 1))
    if kill:
        await server.kill()
    else:
        server.freeze()
    try:
        await _fails(publisher.send(messages(6, 2000), PublishedPosition(2000, 1)), within=5)
        await _discarded(publisher)
        await _fails(next_one.start(), within=13)
        await _discarded(next_one)
    finally:
        if kill:
            await server.start()
        else:
            server.thaw()
    # Just after it is back a broker may still refuse: more than one may be needed.
    await MiniatureRelay(lambda: TransactionalPublisher(settings, 0)).publish_all(7)
    await eventually(partial(_nothing_runs_beside, tasks), within=3, what="all tasks of the publishers ended")
    await eventually(lambda: _sockets() <= sockets, within=3, what="all their sockets closed")
    assert sorted(await visible(server.bootstrap, topic_prefix)) == [1, 2, 3, 4, 5, 6, 7]


async def test_cancelled_in_the_middle(proxied: Proxied, topic_prefix: str) -> None:
    """A cancelled publish leaves a doubt, which ends it as an error does; what it sent is never visible."""
    settings = await prepare(proxied.server, topic_prefix, proxied.bootstrap)
    publisher = TransactionalPublisher(settings, 0)
    await publisher.start()
    held = proxied.proxy.hold(Api.END_TXN, reset=False)
    publishing = asyncio.create_task(publisher.send(messages(1, 9), PublishedPosition(9, 1)))
    await asyncio.wait_for(held, 10)
    publishing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await publishing
    with pytest.raises(DeliveryInDoubtError, match="interrupted"):
        await publisher.send(messages(1, 9), PublishedPosition(9, 1))
    await publisher.discard()
    successor = TransactionalPublisher(settings, 0)
    assert await successor.start() is None
    await successor.discard()
    assert await visible(proxied.server.bootstrap, topic_prefix) == []


async def test_discarded_with_bytes_that_nobody_takes(proxied: Proxied, topic_prefix: str) -> None:
    """The broker's side is not read any more: discarding closes the socket without sending what is left."""
    settings = await prepare(proxied.server, topic_prefix, proxied.bootstrap)
    publisher = TransactionalPublisher(settings, 0, Deadlines(operation=2))
    await publisher.start()
    await publisher.send(messages(1, 60), PublishedPosition(60, 1))
    assert publisher._started
    transports = [connection._writer.transport for connection in publisher._started.client._conns.values()]
    for transport in transports:  # else megabytes fit in
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 << 10)
    proxied.proxy.stop_reading_after(Api.PRODUCE)
    await publisher.send(messages(61, 63), PublishedPosition(63, 1))
    await _fails(publisher.send(_large(30), PublishedPosition(93, 1)), within=4)
    assert any(transport.get_write_buffer_size() > 0 for transport in transports)
    await _discarded(publisher)
    assert [transport.get_extra_info("socket").fileno() for transport in transports] == [-1] * len(transports)


async def test_in_doubt_while_batches_still_queue(proxied: Proxied, topic_prefix: str) -> None:
    """Of several batches for one partition, the first refused with the rest: one error, and none unseen."""
    settings = await prepare(proxied.server, topic_prefix, proxied.bootstrap)
    publisher = TransactionalPublisher(settings, 0)
    await publisher.start()
    proxied.proxy.lose_answer(Api.ADD_PARTITIONS, reset=True)
    with pytest.raises(DeliveryInDoubtError, match="LostResponseError"):
        await publisher.send(_large(12), PublishedPosition(12, 1))
    await _discarded(publisher)


async def test_the_plain_mode(proxied: Proxied, topic_prefix: str) -> None:
    """The plain publisher knows no position, publishes in order, and is as quick to fail and to discard."""
    server = proxied.server
    settings = await prepare(server, topic_prefix)
    tasks, sockets = asyncio.all_tasks(), _sockets()
    publisher = PlainPublisher(settings)
    assert await publisher.start() is None
    await publisher.send(messages(1, 50), PublishedPosition(50, 1))
    await publisher.send(messages(51, 60), PublishedPosition(60, 1))
    server.freeze()
    try:
        await _fails(publisher.send(messages(61, 70), PublishedPosition(70, 1)), within=5)
        await _discarded(publisher)
        await eventually(lambda: _sockets() <= sockets, within=1, what="all its sockets closed")
    finally:
        server.thaw()
    await eventually(lambda: asyncio.all_tasks() <= tasks, within=3, what="all tasks of the publisher ended")
    found = await visible(server.bootstrap, topic_prefix)
    assert_each_once_in_order([number for number in found if number <= 60], 60)


def _large(count: int) -> list[OutgoingMessage]:
    """Return messages of a batch each; more than 9 of them, and some partition gets several."""
    return [
        OutgoingMessage(OUTPUT_TOPICS[number % 3], str(number).encode(), b"61".rjust(900_000), ())
        for number in range(count)
    ]


async def _fails(work: Awaitable[object], within: float) -> None:
    began = time.monotonic()
    with pytest.raises(DeliveryInDoubtError):
        await work
    assert time.monotonic() - began < within


async def _discarded(publisher: PlainPublisher) -> None:
    began = time.monotonic()
    await publisher.discard()
    assert time.monotonic() - began < 2


def _sockets() -> int:
    found = 0
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # the one of this very look
            found += str(link.readlink()).startswith("socket:")
    return found


def _nothing_runs_beside(tasks: set[asyncio.Task[Any]]) -> bool:
    assert asyncio.all_tasks() - tasks == set()
    return True
