"""A TCP proxy before a broker that knows requests by their kind, and holds or loses what a test says.

Owns connections, frames and what is done to one of them. Never understands more of a request than its header.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class Api(IntEnum):
    """Requests by their key in the protocol."""

    PRODUCE = 0
    METADATA = 3
    LEAVE_GROUP = 13
    INIT_PRODUCER_ID = 22
    ADD_PARTITIONS = 24
    END_TXN = 26


@dataclass
class Frame:
    """One request on its connection; `answer`: the error code at the end of the broker's response."""

    api: int
    correlation: int
    content: bytes
    link: _Link
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    answer: int | None = None

    async def release(self) -> int:
        """Let a request that was held go on to the broker, and return the error code of its response.

        Of AddPartitionsToTxn and EndTxn that is the last thing in the response.
        """
        self.link.forward(self)
        async with asyncio.timeout(10):
            await self.answered.wait()
        assert self.answer is not None
        return self.answer


class KafkaProxy:
    """Forwards connections to a port of 127.0.0.1.

    plans: asked about each request in turn, in the order of the list; one that returns True has dealt with it,
    and it is not forwarded.
    """

    def __init__(self) -> None:
        self.plans: list[Callable[[Frame], Awaitable[bool]]] = []
        self.upstream = 0
        self.port = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._links: set[_Link] = set()

    async def start(self) -> None:
        """Listen on a free port; `upstream` must be set before a client connects."""
        listening = socket.socket()
        # Else a connection that is not read takes megabytes before its sender notices.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
        listening.bind(("127.0.0.1", 0))
        self._server = await asyncio.start_server(self._accept, sock=listening)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """End everything."""
        assert self._server is not None
        self._server.close()
        for link in self._links:
            link.cut_client()
            link.cut_broker()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def on(self, api: Api, act: Callable[[Frame], Awaitable[bool]]) -> None:
        """Do something with the next request of a kind, once; returns what a plan returns."""

        async def plan(frame: Frame) -> bool:
            if frame.api != api:
                return False
            self.plans.remove(plan)
            return await act(frame)

        self.plans.append(plan)

    def hold(self, api: Api, *, reset: bool) -> asyncio.Future[Frame]:
        """Hold the next request of a kind back; returns a future of it.

        reset: the client's connection is reset at once; else the client is left to wait.
        """
        held: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()

        async def act(frame: Frame) -> bool:
            if reset:
                frame.link.cut_client()
            held.set_result(frame)
            return True

        self.on(api, act)
        return held

    def lose_answer(self, api: Api, *, reset: bool) -> asyncio.Future[Frame]:
        """Let the broker have the next request of a kind and keep its answer; returns a future of the request."""
        lost: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()

        async def act(frame: Frame) -> bool:
            frame.link.mute = True
            await frame.release()
            if reset:
                frame.link.cut_client()
            lost.set_result(frame)
            return True

        self.on(api, act)
        return lost

    def stop_reading_after(self, api: Api) -> None:
        """Forward the next request of a kind, and then read no more from its connection."""

        async def act(frame: Frame) -> bool:
            frame.link.forward(frame)
            return await asyncio.Event().wait()

        self.on(api, act)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            try:
                upstream = await asyncio.open_connection("127.0.0.1", self.upstream)
            except BaseException:
                writer.transport.abort()
                raise
            link = _Link(writer, upstream[1])
            self._links.add(link)
            back = asyncio.create_task(_answers(link, upstream[0]))
            self._tasks.add(back)
            try:
                await self._requests(link, reader)
            finally:
                # A request that is held keeps its way to the broker.
                if not link.held:
                    link.cut_broker()

    async def _requests(self, link: _Link, reader: asyncio.StreamReader) -> None:
        while True:
            size = await reader.readexactly(4)
            content = size + await reader.readexactly(*struct.unpack(">i", size))
            api, _, correlation = struct.unpack_from(">hhi", content, 4)
            frame = Frame(api, correlation, content, link)
            for plan in list(self.plans):
                if await plan(frame):
                    link.held.append(frame)
                    break
            else:
                link.forward(frame)


class _Link:
    """One connection of a client and its counterpart to the broker."""

    def __init__(self, client: asyncio.StreamWriter, broker: asyncio.StreamWriter) -> None:
        self._client = client
        self._broker = broker
        self.under_way: dict[int, Frame] = {}
        self.held: list[Frame] = []
        self.mute = False

    def forward(self, frame: Frame) -> None:
        """Send a request to the broker."""
        self.under_way[frame.correlation] = frame
        self._broker.write(frame.content)

    def answer(self, content: bytes) -> None:
        """Send a response to the client, if it is still there."""
        (correlation,) = struct.unpack_from(">i", content, 4)
        frame = self.under_way.pop(correlation, None)
        if not self.mute and not self._client.is_closing():
            self._client.write(content)
        if frame is not None:
            (frame.answer,) = struct.unpack(">h", content[-2:])
            frame.answered.set()

    def cut_client(self) -> None:
        """Reset the client's connection."""
        self._client.transport.abort()

    def cut_broker(self) -> None:
        """Close the connection to the broker."""
        self._broker.transport.abort()


async def _answers(link: _Link, reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        while True:
            size = await reader.readexactly(4)
            link.answer(size + await reader.readexactly(*struct.unpack(">i", size)))
    link.cut_client()
