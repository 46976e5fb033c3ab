"""Stopping a client: bounded, whatever it does with a cancellation."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, cast

import pytest
from aiokafka.client import AIOKafkaClient

from consumer.infra.kafka.start_stop import stop_client

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiokafka import AIOKafkaConsumer


class Client:
    """A client whose `stop` is given."""

    def __init__(self, stop: Callable[[], Awaitable[None]]) -> None:
        self.stop = stop
        self.client = AIOKafkaClient()


def client(stop: Callable[[], Awaitable[None]]) -> AIOKafkaConsumer:
    """Return what passes for a client of aiokafka."""
    return cast("AIOKafkaConsumer", Client(stop))


async def _at_once() -> None:
    pass


async def _own_cancellation() -> None:
    raise asyncio.CancelledError


async def _defect() -> None:
    raise KeyError("group")


async def _never() -> None:
    await asyncio.Event().wait()


async def _deaf() -> None:
    for _ in range(2):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            continue


@pytest.mark.parametrize(
    ("stop", "kind"),
    [
        (_at_once, type(None)),
        (_own_cancellation, asyncio.CancelledError),
        (_defect, KeyError),
        (_never, TimeoutError),
        (_deaf, TimeoutError),
    ],
)
async def test_it_is_bounded_and_says_how_it_ended(
    stop: Callable[[], Awaitable[None]], kind: type[BaseException | None]
) -> None:
    """No answer, an error, a cancellation that the client raises or swallows: none is the caller's."""
    began = time.monotonic()
    assert isinstance(await stop_client(client(stop), within=0.1), kind)
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("stop", [_never, _deaf])
async def test_a_cancellation_of_the_caller_is_never_lost(stop: Callable[[], Awaitable[None]]) -> None:
    """A caller cancelled while stopping a client ends cancelled."""
    leaving = asyncio.create_task(stop_client(client(stop), within=30))
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
