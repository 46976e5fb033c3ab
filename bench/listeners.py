"""A thousand clients of `engagement web` that listen to events: what they cost while nothing happens, and at work.

Owns the clients, which read and throw away. Memory and CPU are those of the web process alone.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import time
from typing import TYPE_CHECKING, Any

import psutil

from bench.session import console
from bench.traffic import ACCOUNT
from consumer.demo.servers.processes import free_port
from consumer.infra.telemetry import logs
from tests.pipeline import service
from tests.web.account_events import happen
from tests.web.api_client import SECRET, mint

if TYPE_CHECKING:
    from bench.session import Bench

CLIENTS = 1000
_IDLE_SECONDS = 20
_CHANGES = 200
_EVERY = 0.05


async def listeners(bench: Bench) -> None:
    """Connect 1,000 clients to the events of an account: memory and CPU, idle and at 20 changes per second."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files[1], files[1]))
    logs.configure("error")
    dsn = bench.servers.dsn(await bench.servers.database())
    port = free_port()
    environment = {"DATABASE_URL": dsn, "HTTP_PORT": str(port), "JWT_SECRET": SECRET, "LOG_LEVEL": "error"}
    environment["HTTP_CONNECTIONS"] = str(3 * CLIENTS)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "consumer", "web"),
        env={**os.environ, **{f"ENGAGEMENT_{name}": value for name, value in environment.items()}},
    )
    watched = psutil.Process(process.pid)
    counts = [0] * CLIENTS
    try:
        first = await _connected(port, counts, 0)
        before = watched.memory_info().rss
        tasks = [first, *[await _connected(port, counts, number) for number in range(1, CLIENTS)]]
        await asyncio.sleep(2)
        memory = (watched.memory_info().rss - before) / (CLIENTS - 1) / 1024
        idle = await _cpu(watched, asyncio.sleep(_IDLE_SECONDS)) / _IDLE_SECONDS
        counts[:] = [0] * CLIENTS
        busy = await _cpu(watched, _changes(dsn, counts))
        missed = CLIENTS * _CHANGES - sum(counts)
        for task in tasks:
            task.cancel()
    finally:
        process.terminate()
        await process.wait()
    results: dict[str, Any] = {
        "clients": CLIENTS,
        "kib_per_client": memory,
        "cpu_idle_percent": 100 * idle,
        "events": sum(counts),
        "cpu_us_per_event_and_client": 1e6 * busy / sum(counts),
        "missed": missed,
    }
    for name, value in results.items():
        console.print(f"{name}: {value:,.1f}")
    bench.results["listeners"] = results


async def _connected(port: int, counts: list[int], number: int) -> asyncio.Task[None]:
    """Connect one client and return its task, once it has its first event."""
    deadline = time.monotonic() + 30
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            break
        except OSError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.1)
    writer.write(
        f"GET /v1/accounts/{ACCOUNT}/events HTTP/1.1\r\nhost: x\r\n"
        f"authorization: Bearer {mint(ACCOUNT)}\r\n\r\n".encode()
    )
    await reader.readuntil(b"event: ready")

    async def read() -> None:
        try:
            while line := await reader.readline():
                counts[number] += line.startswith(b"event: score_changed")
        finally:
            writer.close()

    return asyncio.create_task(read())


async def _changes(dsn: str, counts: list[int]) -> None:
    """Let the score of one contact change, again and again, until all clients have seen it."""
    async with service.running(dsn) as worker:
        for number in range(_CHANGES):
            await happen(worker, ACCOUNT, "deal.won", objectid=f"deal-{number}")
            await asyncio.sleep(_EVERY)
    deadline = time.monotonic() + 30
    while min(counts) < _CHANGES and time.monotonic() < deadline:  # noqa: ASYNC110 - no event for it
        await asyncio.sleep(0.1)


async def _cpu(watched: psutil.Process, during: Any) -> float:
    """Return the seconds of CPU that a process spends during something."""
    before = sum(watched.cpu_times()[:2])
    await during
    return float(sum(watched.cpu_times()[:2]) - before)
