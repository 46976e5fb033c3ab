"""Listens on a port and serves an ASGI application there, by uvicorn with bounds on its clients."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, cast

import uvicorn

from consumer.infra.http_connections import BoundedProtocol, Bounds, OpenConnections
from consumer.infra.settings import variable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import ASGIApp

    from consumer.infra.settings import Settings

# Of a server for health and metrics: a probe or two, and Prometheus.
FEW = Bounds(connections=64)


class CannotListenError(Exception):
    """The address of the HTTP server cannot be used; the message names it and its settings."""


def listen(host: str, port: int, *, port_setting: str = "http_port") -> socket.socket:
    """Listen on an address, on any free port for 0; do it first, so that a taken port fails at once.

    port_setting: the setting that the port is from. Raises CannotListenError.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        if error.errno == errno.EADDRINUSE:
            reason = f"{address} is in use: set {variable(port_setting)} to a free port"
        else:
            why = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
            reason = f"cannot listen on {address} ({variable('http_host')}, {variable(port_setting)}): {why}"
        raise CannotListenError(reason) from error
    # Inherited by accepted connections. asyncio sets it only on sockets that were made with their protocol named;
    # with Nagle's algorithm the second half of an answer waits 40 ms for the client's delayed acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def listen_for_health(settings: Settings) -> socket.socket:
    """Listen for probes and Prometheus: on a port of their own if settings name one, else on the process's."""
    if settings.health_port is None:
        return listen(settings.http_host, settings.http_port)
    return listen(settings.http_host, settings.health_port, port_setting="health_port")


async def serve(
    application: ASGIApp,
    listener: socket.socket,
    *,
    patience: int = 1,
    connections: OpenConnections | None = None,
) -> None:
    """Serve HTTP until cancelled; then give requests in flight `patience` seconds and close the listener.

    connections: with the bounds on them; FEW unless given.
    """
    if connections is None:
        connections = OpenConnections(FEW)

    async def look_at_connections() -> None:
        connections.close_overdue(asyncio.get_running_loop().time())

    config = uvicorn.Config(
        application,
        http=cast("type[asyncio.Protocol]", partial(BoundedProtocol, connections)),
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        # uvicorn would believe X-Forwarded-For of any client on this machine; only the tracker needs it, and has a
        # setting for whom to believe.
        proxy_headers=False,
        timeout_graceful_shutdown=patience,
        timeout_keep_alive=int(connections.bounds.idle) + 1,
        # Called by uvicorn's own round, which is once a second.
        callback_notify=look_at_connections,
        timeout_notify=0,
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
