"""A receiver of webhooks over real HTTP, and the part of a worker that sends to it."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from consumer.infra import http_server, postgres
from consumer.infra.clock import SystemClock
from consumer.infra.telemetry.metrics import Metrics
from consumer.relay.webhooks.run import Webhooks
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.requests import Request


@dataclass(frozen=True)
class Received:
    """A request as it came, and the status that it was answered."""

    headers: dict[str, str]
    body: bytes
    status: int

    @property
    def event(self) -> dict[str, Any]:
        """The body as JSON."""
        event: dict[str, Any] = json.loads(self.body)
        return event


@dataclass
class Receiver:
    """Takes requests by path. answers: by path, what decides on the status; hanging: paths that never answer."""

    address: str
    received: defaultdict[str, list[Received]] = field(default_factory=lambda: defaultdict(list))
    answers: dict[str, Callable[[dict[str, Any]], int]] = field(default_factory=dict)
    hanging: set[str] = field(default_factory=set)
    begun: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    async def take(self, request: Request) -> Response:
        """Answer a request."""
        path, body = request.url.path, await request.body()
        self.begun[path] += 1
        if path in self.hanging:
            await asyncio.Event().wait()
        decide = self.answers.get(path)
        status = decide(json.loads(body)) if decide else 204
        self.received[path].append(Received(dict(request.headers), body, status))
        headers = {"location": f"{self.address}/elsewhere"} if 300 <= status < 400 else None
        return Response(status_code=status, headers=headers)

    def arrived(self, path: str) -> list[Received]:
        """Return what was accepted, in the order in which it came."""
        return [one for one in self.received[path] if 200 <= one.status < 300]

    async def until(self, path: str, number: int, *, within: float = 15) -> list[Received]:
        """Wait until so many messages have been accepted."""
        await eventually(
            lambda: len(self.arrived(path)) >= number, within=within, what=f"{number} messages at {path}"
        )
        return self.arrived(path)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Give a receiver that listens."""
    listener = http_server.listen("127.0.0.1", 0)
    receiver = Receiver(f"http://127.0.0.1:{listener.getsockname()[1]}")
    app = Starlette(routes=[Route("/{path:path}", receiver.take, methods=["POST", "GET"])])
    task = asyncio.create_task(http_server.serve(app, listener, patience=0))
    yield receiver
    task.cancel()
    await asyncio.wait([task])


@asynccontextmanager
async def sending(dsn: str, *, private: bool = True, log_days: int = 7) -> AsyncIterator[asyncio.Task[None]]:
    """Run what a worker runs for webhooks; at the end it stops in order, unless its task was cancelled."""
    stopping = asyncio.Event()
    async with postgres.pool(dsn, size=3) as pool:
        webhooks = Webhooks(pool, private=private, log_days=log_days, metrics=Metrics(), clock=SystemClock())
        task = asyncio.create_task(webhooks.run(stopping))
        try:
            yield task
        finally:
            stopping.set()
            await asyncio.wait([task], timeout=10)
            if not task.cancelled():
                task.result()
