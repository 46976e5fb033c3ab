"""The HTTP server under clients that stall: for how long it waits, and whom it closes where all places are taken.

Over real sockets; the time that passes is given by hand.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import structlog
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from consumer.infra import http_server
from consumer.infra.http_connections import Bounds, OpenConnections
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

BOUNDS = Bounds(connections=5, headers=10, body=10, body_rate=1000, stalled=30, idle=75)
HALF = b"GET / HTTP/1.1\r\nHost: x\r\n"
WHOLE = HALF + b"\r\n"
LARGE = 50_000_000


class Server:
    """A server on a port of its own. closed: the reasons of early ends."""

    def __init__(self, bounds: Bounds) -> None:
        self.closed: list[str] = []
        self.connections = OpenConnections(bounds, self.closed.append)
        self.listener = http_server.listen("127.0.0.1", 0)
        self.working = asyncio.Event()
        self.disconnected = asyncio.Event()

    def application(self) -> Starlette:
        async def answer(request: Request) -> PlainTextResponse:
            try:
                await request.body()
            except ClientDisconnect:
                self.disconnected.set()
                raise
            return PlainTextResponse("well")

        async def work(_request: Request) -> PlainTextResponse:
            await self.working.wait()
            return PlainTextResponse("done")

        async def refuse(_request: Request) -> PlainTextResponse:
            return PlainTextResponse("no", 401)

        async def large(_request: Request) -> PlainTextResponse:
            return PlainTextResponse("x" * LARGE)

        methods = ["GET", "POST"]
        return Starlette(
            routes=[
                Route("/", answer, methods=methods),
                Route("/work", work, methods=methods),
                Route("/refuse", refuse, methods=methods),
                Route("/large", large, methods=methods),
            ]
        )

    def pass_time(self, seconds: float) -> None:
        """Look at all connections as the server does once a second, now and so many seconds later."""
        now = asyncio.get_running_loop().time()
        self.connections.close_overdue(now)
        self.connections.close_overdue(now + seconds)


@asynccontextmanager
async def _serving(bounds: Bounds = BOUNDS) -> AsyncIterator[Server]:
    server = Server(bounds)
    task = asyncio.create_task(
        http_server.serve(server.application(), server.listener, connections=server.connections)
    )
    try:
        yield server
    finally:
        server.working.set()
        task.cancel()
        await asyncio.wait([task])


class Client:
    """A client that sends what it is given, and no more."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._sent = 0

    async def send(self, data: bytes) -> None:
        """Send bytes, and return once the server has them."""
        if not hasattr(self, "_writer"):
            address = self._server.listener.getsockname()
            self._reader, self._writer = await asyncio.open_connection(*address)
        self._writer.write(data)
        self._sent += len(data)
        await eventually(lambda: self._taken() == self._sent, within=5, what="the bytes to arrive")

    def _taken(self) -> int | None:
        own = self._writer.get_extra_info("sockname")
        return next((each._received for each in self._server.connections._open if each.client == own), None)

    async def status(self) -> int:
        """Return the status of the next answer, after its body."""
        async with asyncio.timeout(10):
            head = await self._reader.readuntil(b"\r\n\r\n")
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
            await self._reader.readexactly(int(length.partition(b":")[2]))
        return int(head.split()[1])

    async def closed(self) -> bool:
        """Return once the server has closed the connection."""
        async with asyncio.timeout(10):
            try:
                return await self._reader.read() == b""
            except ConnectionResetError:
                return True

    def close(self) -> None:
        if hasattr(self, "_writer"):
            self._writer.transport.abort()


@asynccontextmanager
async def _clients(server: Server, count: int = 1) -> AsyncIterator[list[Client]]:
    clients = [Client(server) for _ in range(count)]
    try:
        yield clients
    finally:
        for client in clients:
            client.close()


def test_no_answer_waits_for_an_acknowledgement() -> None:
    """An accepted connection has TCP_NODELAY: without it every kept-alive answer takes 40 ms longer."""
    with http_server.listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_headers_have_ten_seconds() -> None:
    """Half-sent headers are answered 408 after ten seconds, though the client sends a byte now and then."""
    async with _serving() as server, _clients(server) as [client]:
        await client.send(HALF)
        now = asyncio.get_running_loop().time()
        server.connections.close_overdue(now)
        await client.send(b"X")
        server.connections.close_overdue(now + 9)
        assert server.closed == []
        server.connections.close_overdue(now + 11)
        assert server.closed == ["headers"]
        assert await client.status() == 408
        assert await client.closed()


async def test_a_client_that_sends_nothing_has_ten_seconds() -> None:
    """A connection on which nothing has come is closed as one with half-sent headers is."""
    async with _serving() as server, _clients(server) as [client]:
        await client.send(b"")
        await eventually(lambda: len(server.connections) == 1, within=5, what="the connection")
        server.pass_time(11)
        assert await client.status() == 408
        assert await client.closed()


async def test_a_body_has_ten_seconds_and_one_for_each_thousand_bytes() -> None:
    """A body that stalls is answered 408; one that comes at the least rate is not. The application is released."""
    async with _serving() as server, _clients(server) as [client]:
        await client.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n")
        now = asyncio.get_running_loop().time()
        server.connections.close_overdue(now)
        await client.send(b"x" * 5000)
        server.connections.close_overdue(now + 14)
        assert server.closed == []
        server.connections.close_overdue(now + 16)
        assert await client.status() == 408
        assert await client.closed()
        assert server.closed == ["body"]
        async with asyncio.timeout(5):
            await server.disconnected.wait()


async def test_what_follows_an_answer_is_not_waited_for() -> None:
    """A client that is answered before its body is complete has ten seconds for the rest, however much it sends."""
    async with _serving() as server, _clients(server) as [client]:
        await client.send(b"POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n")
        assert await client.status() == 401
        now = asyncio.get_running_loop().time()
        server.connections.close_overdue(now)
        await client.send(b"x" * 50_000)
        server.connections.close_overdue(now + 11)
        assert await client.closed()


async def test_idle_connections_are_kept_for_75_seconds() -> None:
    """Between two requests a connection has 75 seconds; each request begins them anew."""
    async with _serving() as server, _clients(server) as [client]:
        await client.send(WHOLE)
        assert await client.status() == 200
        server.pass_time(74)
        await client.send(WHOLE)
        assert await client.status() == 200
        server.pass_time(76)
        assert await client.closed()
        assert server.closed == [], "as HTTP expects: not early"


async def test_a_client_that_takes_nothing_of_its_answer_is_closed() -> None:
    """An answer of which nothing is taken for half a minute ends, and its memory is free."""
    async with _serving() as server, _clients(server) as [client]:
        await client.send(WHOLE.replace(b"/ ", b"/large ", 1))
        await eventually(lambda: _unsent(server) > 0, within=5, what="the answer to begin")
        server.pass_time(29)
        assert server.closed == []
        server.pass_time(31)
        assert server.closed == ["stalled"]
        await eventually(lambda: len(server.connections) == 0, within=5, what="the connection to end")


def _unsent(server: Server) -> int:
    return sum(each.transport.get_write_buffer_size() for each in server.connections._open)


async def test_work_has_no_bound() -> None:
    """A request that is complete is waited for as long as it takes."""
    async with _serving() as server, _clients(server) as [client]:
        await client.send(WHOLE.replace(b"/ ", b"/work ", 1))
        server.pass_time(10_000)
        server.working.set()
        assert await client.status() == 200


async def test_half_sent_requests_displace_nobody_who_sends() -> None:
    """With all places taken by half-sent headers every client that sends a request is answered.

    The longest wait ends for each; the log has one line in all.
    """
    async with _serving() as server, _clients(server, 40) as clients:
        with structlog.testing.capture_logs() as lines:
            for client in clients:
                await client.send(HALF)
                assert (await _answer(server)).startswith(b"HTTP/1.1 200 ")
            assert await clients[0].closed()
        assert len(server.connections) <= BOUNDS.connections
        assert set(server.closed) == {"displaced"}
        assert len([line for line in lines if line["event"] == "HTTP connections closed early"]) == 1


async def _answer(server: Server) -> bytes:
    """Return the whole answer to a request on a connection of its own."""
    reader, writer = await asyncio.open_connection(*server.listener.getsockname())
    writer.write(WHOLE.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.parametrize("before", [b"", WHOLE])
async def test_half_sent_bodies_displace_nobody_who_sends(before: bytes) -> None:
    """With all places taken by bodies that never end, of a first request or a later one, others are answered."""
    half = before + b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"
    async with _serving() as server, _clients(server, 3 * BOUNDS.connections) as clients:
        for client in clients:
            await client.send(half)
            assert (await _answer(server)).startswith(b"HTTP/1.1 200 ")
        await clients[-1].send(b"x" * 999)
        for _ in range(2 if before else 1):
            assert await clients[-1].status() == 200
        assert set(server.closed) == {"displaced"}


async def test_a_server_whose_places_all_work_refuses() -> None:
    """Where every connection has a request in work a new one is answered 503 with Retry-After, and closed."""
    async with _serving() as server, _clients(server, BOUNDS.connections) as clients:
        for client in clients:
            await client.send(WHOLE.replace(b"/ ", b"/work ", 1))
        answer = await _answer(server)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 1\r\n" in answer
        assert server.closed == ["refused"]
        server.working.set()
        for client in clients:
            assert await client.status() == 200


async def test_the_port_of_health_is_bounded_too() -> None:
    """A server for health has few places, and still answers probes beside clients that stall."""
    connections = OpenConnections(replace(http_server.FEW, connections=3))
    server = Server(BOUNDS)
    server.connections = connections
    task = asyncio.create_task(
        http_server.serve(server.application(), server.listener, connections=connections)
    )
    async with _clients(server, 10) as clients:
        for client in clients:
            await client.send(HALF)
        async with _clients(server) as [probe]:
            await probe.send(WHOLE)
            assert await probe.status() == 200
    task.cancel()
    await asyncio.wait([task])
    assert http_server.FEW.connections < 100


@pytest.mark.parametrize("state", ["idle", "half-sent", "at work"])
async def test_serving_ends_within_its_patience(state: str) -> None:
    """Whatever its clients do a server ends within two seconds of its patience."""
    async with _serving() as server, _clients(server) as [client]:
        await client.send({"idle": b"", "half-sent": HALF}.get(state, WHOLE.replace(b"/ ", b"/work ", 1)))
    assert server.listener.fileno() == -1
