"""The health of the process, served over HTTP as `/livez`, `/readyz` and `/metrics`.

Health is reported, not measured here: by the tasks of the process, for Postgres and Kafka by dependency_probes.py.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from consumer.infra.settings import variable
from consumer.infra.telemetry.metrics import CONTENT_TYPE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request

    from consumer.infra.clock import Clock

# Seconds without a report after which a main loop counts as stuck, and the process as dead.
STUCK_AFTER = 60.0


@dataclass(slots=True)
class _Component:
    """The last report of a component; within: seconds for which it is valid."""

    within: float | None
    vital: bool
    ok: bool
    why: str | None
    reported_at: float


class Health:
    """The last report of each component of this process, and whether it is still valid."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._components: dict[str, _Component] = {}

    def expect(self, name: str, *, within: float | None = None, vital: bool = False) -> None:
        """Add a component that has to report before the process is ready.

        within: seconds for which a report is valid, None for ever. vital: a main loop; after STUCK_AFTER seconds
        without its report the process is not alive.
        """
        self._components[name] = _Component(
            within, vital, ok=False, why="has not reported yet", reported_at=self._clock.monotonic()
        )

    def report(self, name: str, ok: bool, why: str | None = None) -> None:
        """Record a component's state; for a component with `within`, each report is a heartbeat.

        why: one line for people, where `ok` is false. A component that was not expected is from now on.
        """
        if name not in self._components:
            self.expect(name)
        component = self._components[name]
        component.ok = ok
        component.why = None if ok else why or "not healthy"
        component.reported_at = self._clock.monotonic()

    def forget(self, name: str) -> None:
        """Stop expecting a component: its task has ended normally."""
        self._components.pop(name, None)

    def ready(self) -> bool:
        """Return True if every component is healthy; False while none is expected yet: the process is starting."""
        return bool(self._components) and all(why is None for why in self._faults().values())

    def alive(self) -> bool:
        """Return True if every vital component has reported within STUCK_AFTER seconds, healthy or not."""
        now = self._clock.monotonic()
        return all(now - c.reported_at <= STUCK_AFTER for c in self._components.values() if c.vital)

    def states(self) -> dict[str, dict[str, bool | str | None]]:
        """Return each component's state: {'ok': …, 'why': None or one line}."""
        return {name: {"ok": why is None, "why": why} for name, why in self._faults().items()}

    def _faults(self) -> dict[str, str | None]:
        now = self._clock.monotonic()
        return {name: _fault(component, now) for name, component in self._components.items()}


class ServedHealth(Protocol):
    """The health of a process, or of several as one; see Health."""

    def alive(self) -> bool:
        """Return what /livez answers."""
        ...

    def ready(self) -> bool:
        """Return what /readyz answers."""
        ...

    def states(self) -> dict[str, dict[str, bool | str | None]]:
        """Return each component's state."""
        ...


class ServedMetrics(Protocol):
    """The metrics of a process, or of several as one."""

    def exposition(self) -> bytes:
        """Return them in Prometheus' text format, of type CONTENT_TYPE."""
        ...


def application(health: ServedHealth, metrics: ServedMetrics) -> Starlette:
    """Return the HTTP application of a process that serves health and metrics only."""
    return Starlette(routes=routes(health, metrics))


def routes(health: ServedHealth, metrics: ServedMetrics) -> list[Route]:
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


class CannotListenError(Exception):
    """The address of the HTTP server cannot be used; the message names it and its settings."""


def listen(host: str, port: int) -> socket.socket:
    """Listen on an address, on any free port for 0; do it first, so that a taken port fails at once.

    Raises CannotListenError.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        if error.errno == errno.EADDRINUSE:
            reason = f"{address} is in use: set {variable('http_port')} to a free port"
        else:
            why = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
            reason = f"cannot listen on {address} ({variable('http_host')}, {variable('http_port')}): {why}"
        raise CannotListenError(reason) from error


async def serve(application: Starlette, listener: socket.socket, *, patience: int = 1) -> None:
    """Serve HTTP until cancelled; then give requests in flight `patience` seconds and close the listener."""
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
        # Shielded: a cancelled uvicorn leaves its connections open.
        await asyncio.shield(serving)
    finally:
        server.should_exit = True
        await asyncio.wait([serving], timeout=patience + 2)
        serving.cancel()
        listener.close()


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the callers of `serve` handle signals."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _fault(component: _Component, now: float) -> str | None:
    silent_for = now - component.reported_at
    if not component.ok:
        return component.why
    if component.within is not None and silent_for > component.within:
        return f"has not reported for {silent_for:.0f} s"
    return None
