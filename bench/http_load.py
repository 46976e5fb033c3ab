"""A load generator for HTTP, in a process of its own: kept-alive connections, requests made before.

It sends as fast as answers come or at a steady rate, and measures how long answers took. A request costs it a fifth
of what it costs uvicorn; with asyncio's streams it would cost as much, and the generator would be the limit.
"""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import os
import time
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING

import uvloop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection as Pipe

# As fast as answers come: enough that the server never waits for a request. At a rate: enough that one is free.
_BUSY, _STEADY = 8, 32


@dataclass(frozen=True, slots=True)
class Load:
    """Requests, sent in turn, as bytes. rate: a second; None: the next as soon as the last is answered.

    connections: kept ones; None: enough for the rate. cores: those that the generator may use; None: any.
    """

    port: int
    requests: tuple[bytes, ...]
    seconds: float
    rate: int | None = None
    connections: int | None = None
    cores: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class Answers:
    """milliseconds: of each answer, sorted. bytes: of the first body. busy: share of a core that sending took."""

    seconds: float
    milliseconds: list[float]
    bytes: int
    busy: float

    @property
    def rate(self) -> float:
        """Answers per second."""
        return len(self.milliseconds) / self.seconds

    def percentile(self, share: float) -> float:
        """Return the milliseconds that a share of the answers took at most."""
        return self.milliseconds[min(len(self.milliseconds) - 1, int(len(self.milliseconds) * share))]


def request(method: str, path: str, token: str, body: bytes = b"") -> bytes:
    """Return a request as bytes."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {token}"]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def answers(load: Load) -> Answers:
    """Put a load on a server from another process; raises RuntimeError if an answer is no success."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=_generate, args=(load, theirs))
    process.start()
    theirs.close()
    try:
        found: Answers | str = await asyncio.to_thread(ours.recv)
    except EOFError:
        found = "the load generator died"
    finally:
        await asyncio.to_thread(process.join)
    if isinstance(found, str):
        raise RuntimeError(found)  # noqa: TRY004 - what was sent back is the message
    return found


def _generate(load: Load, pipe: Pipe) -> None:
    if load.cores is not None:
        os.sched_setaffinity(0, load.cores)
    try:
        pipe.send(uvloop.run(_all(load)))
    except (RuntimeError, OSError) as error:
        pipe.send(repr(error))


async def _all(load: Load) -> Answers:
    count = load.connections or (_BUSY if load.rate is None else _STEADY)
    loop = asyncio.get_running_loop()
    connections = [
        (await loop.create_connection(partial(_Connection, loop), "127.0.0.1", load.port))[1]
        for _ in range(count)
    ]
    begin, spent = time.perf_counter(), time.process_time()
    # One after the other from all connections.
    due = zip(_times(load, begin), itertools.cycle(load.requests))
    for each in connections:
        each.begin(due)
    await asyncio.gather(*(each.ended for each in connections))
    seconds, spent = time.perf_counter() - begin, time.process_time() - spent
    took = sorted(itertools.chain.from_iterable(each.took for each in connections))
    return Answers(seconds, took, connections[0].bytes, spent / seconds)


def _times(load: Load, begin: float) -> Iterator[float]:
    """Yield the time of each request until the end."""
    for number in itertools.count():
        due = time.perf_counter() if load.rate is None else begin + number / load.rate
        if due >= begin + load.seconds:
            return
        yield due


class _Connection(asyncio.Protocol):
    """A kept connection: one request after the other. took: milliseconds of each. bytes: of the first body.

    A request that is late, since no connection was free, counts from its time.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.ended = loop.create_future()
        self.took: list[float] = []
        self.bytes = 0
        self._loop = loop
        self._due: Iterator[tuple[float, bytes]] = iter(())
        self._at = 0.0
        self._received = b""

    def begin(self, due: Iterator[tuple[float, bytes]]) -> None:
        """Send requests until there are no more."""
        self._due = due
        self._next()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # of TCP
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received = self._received + data if self._received else data
        head_end = self._received.find(b"\r\n\r\n")
        if head_end < 0:
            return
        try:
            size = _body_size(self._received[:head_end])
        except RuntimeError as error:
            self._end(error)
            return
        if len(self._received) < head_end + 4 + size:
            return
        self.took.append(1000 * (time.perf_counter() - self._at))
        self.bytes = self.bytes or size
        self._received = b""
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(ConnectionError(f"the server closed a connection: {exc!r}"))

    def _next(self) -> None:
        following = next(self._due, None)
        if following is None:
            self._end(None)
            self._transport.close()
            return
        self._at, sent = following
        if (early := self._at - time.perf_counter()) > 0:
            self._loop.call_later(early, self._transport.write, sent)
        else:
            self._transport.write(sent)

    def _end(self, error: Exception | None) -> None:
        if self.ended.done():
            return
        if error is None:
            self.ended.set_result(None)
        else:
            self.ended.set_exception(error)


@lru_cache(maxsize=256)
def _body_size(head: bytes) -> int:
    """Return the size of the body that follows a head; raises RuntimeError if the answer is no success."""
    status, _, headers = head.lower().partition(b"\r\n")
    if b" 20" not in status[:12]:
        raise RuntimeError(head.decode("latin-1"))
    return int(headers.partition(b"content-length:")[2].partition(b"\r\n")[0])
