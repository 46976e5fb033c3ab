"""A load generator for HTTP, in a process of its own: kept-alive connections, requests made before.

Owns sending requests, as fast as answers come or at a steady rate, and how long answers took.
"""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import time
from dataclasses import dataclass, replace
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

    connections: kept ones; None: enough for the rate. warm_up: seconds before, of which nothing counts.
    """

    port: int
    requests: tuple[bytes, ...]
    seconds: float
    rate: int | None = None
    connections: int | None = None
    warm_up: float = 0.0


@dataclass(frozen=True, slots=True)
class Answers:
    """milliseconds: of each answer, sorted. bytes: of the first body."""

    seconds: float
    milliseconds: list[float]
    bytes: int

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
    try:
        pipe.send(uvloop.run(_all(load)))
    except (RuntimeError, OSError, asyncio.IncompleteReadError) as error:
        pipe.send(repr(error))


async def _all(load: Load) -> Answers:
    if load.warm_up:
        await _all(replace(load, seconds=load.warm_up, warm_up=0.0))
    took: list[float] = []
    sizes: list[int] = []
    begin = time.perf_counter()
    # One after the other from all connections.
    due = zip(_times(load, begin), itertools.cycle(load.requests))
    count = load.connections or (_BUSY if load.rate is None else _STEADY)
    await asyncio.gather(*(_connection(load.port, due, took, sizes) for _ in range(count)))
    return Answers(time.perf_counter() - begin, sorted(took), sizes[0])


def _times(load: Load, begin: float) -> Iterator[float]:
    """Yield the time of each request until the end."""
    for number in itertools.count():
        due = time.perf_counter() if load.rate is None else begin + number / load.rate
        if due >= begin + load.seconds:
            return
        yield due


async def _connection(
    port: int, due: Iterator[tuple[float, bytes]], took: list[float], sizes: list[int]
) -> None:
    """Send one request after the other; one that is late, since no connection was free, counts from its time."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for at, sent in due:
        if (early := at - time.perf_counter()) > 0:
            await asyncio.sleep(early)
        writer.write(sent)
        size = await _answer(reader)
        took.append(1000 * (time.perf_counter() - at))
        sizes.append(size)
    writer.close()


async def _answer(reader: asyncio.StreamReader) -> int:
    """Read an answer and return the size of its body."""
    head = await reader.readuntil(b"\r\n\r\n")
    status, _, headers = head.lower().partition(b"\r\n")
    if b" 20" not in status[:12]:
        raise RuntimeError(head.decode("latin-1"))
    size = int(headers.partition(b"content-length:")[2].partition(b"\r\n")[0])
    await reader.readexactly(size)
    return size
