"""Whether the process works, told over HTTP: `/livez`, `/readyz` and `/metrics`.

Owns what is known of each component's health, and serving it. Never finds anything out itself: tasks report
what they see, probes.py watches Postgres and Kafka.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from consumer.infra.telemetry.metrics import CONTENT_TYPE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request

    from consumer.infra.clock import Clock
    from consumer.infra.telemetry.metrics import Metrics

# Seconds after which a main loop that was not heard of counts as stuck, and the process as dead.
STUCK_AFTER = 60.0


@dataclass(slots=True)
class _Component:
    """What was last said of a component, and for how long that holds."""

    within: float | None
    vital: bool
    ok: bool
    why: str | None
    heard_at: float


class Health:
    """What the tasks of this process say of themselves, and whether it is recent enough to believe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._components: dict[str, _Component] = {}

    def expect(self, name: str, *, within: float | None = None, vital: bool = False) -> None:
        """Name a component without which the process is not ready; until it reports it is not.

        within: seconds for which a report holds, None for ever. vital: a main loop, without whose reports for
        STUCK_AFTER seconds the process is not even alive.
        """
        self._components[name] = _Component(
            within, vital, ok=False, why="has not reported yet", heard_at=self._clock.monotonic()
        )

    def report(self, name: str, ok: bool, why: str | None = None) -> None:
        """Say how a component is now; a good report of a component with `within` is its heartbeat.

        why: one line for people, where it is not well. A component nobody expected is expected from now on.
        """
        if name not in self._components:
            self.expect(name)
        component = self._components[name]
        component.ok = ok
        component.why = None if ok else why or "not well"
        component.heard_at = self._clock.monotonic()

    def forget(self, name: str) -> None:
        """Stop expecting a component: its task has ended as it should."""
        self._components.pop(name, None)

    def ready(self) -> bool:
        """Tell whether every component is well; a process that expects nothing yet is only starting."""
        return bool(self._components) and all(why is None for why in self._faults().values())

    def alive(self) -> bool:
        """Tell whether every vital component was heard of lately, well or not."""
        now = self._clock.monotonic()
        return all(now - c.heard_at <= STUCK_AFTER for c in self._components.values() if c.vital)

    def states(self) -> dict[str, dict[str, bool | str | None]]:
        """Return each component's state: {'ok': …, 'why': None or one line}."""
        return {name: {"ok": why is None, "why": why} for name, why in self._faults().items()}

    def _faults(self) -> dict[str, str | None]:
        now = self._clock.monotonic()
        return {name: _fault(component, now) for name, component in self._components.items()}


def application(health: Health, metrics: Metrics) -> Starlette:
    """Return the HTTP side of a process without a web side: three routes."""
    return Starlette(routes=routes(health, metrics))


def routes(health: Health, metrics: Metrics) -> list[Route]:
    """Return the routes that every process serves."""

    async def livez(_request: Request) -> Response:
        alive = health.alive()
        return JSONResponse({"alive": alive, "components": health.states()}, 200 if alive else 503)

    async def readyz(_request: Request) -> Response:
        ready = health.ready()
        return JSONResponse({"ready": ready, "components": health.states()}, 200 if ready else 503)

    async def exposition(_request: Request) -> Response:
        return Response(metrics.exposition(), headers={"content-type": CONTENT_TYPE})

    return [Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", exposition)]


def listen(host: str, port: int) -> socket.socket:
    """Take an address, any free port for 0; raises OSError where it is taken: do it before anything else."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=128)


async def serve(application: Starlette, listener: socket.socket, *, patience: int = 1) -> None:
    """Serve HTTP until cancelled; requests in flight get `patience` seconds to end, and the listener is closed."""
    config = uvicorn.Config(
        application,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=patience,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="http")
    try:
        # Shielded: uvicorn cancelled in mid-serving would leave its connections open.
        await asyncio.shield(serving)
    finally:
        server.should_exit = True
        await asyncio.wait([serving], timeout=patience + 2)
        serving.cancel()
        listener.close()


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: how the process ends is decided in one place, app.py."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _fault(component: _Component, now: float) -> str | None:
    silent_for = now - component.heard_at
    if not component.ok:
        return component.why
    if component.within is not None and silent_for > component.within:
        return f"has not reported for {silent_for:.0f} s"
    return None
