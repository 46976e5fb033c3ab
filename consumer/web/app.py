"""The web process: serves API, console and tracker with health and metrics, and shuts down on SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import structlog

from consumer.infra import http_server, open_files, postgres
from consumer.infra.clock import SystemClock
from consumer.infra.garbage import collect_garbage_rarely
from consumer.infra.http_connections import Bounds, OpenConnections
from consumer.infra.telemetry import dependency_probes
from consumer.infra.telemetry import health as health_endpoints
from consumer.infra.telemetry.health import Health
from consumer.infra.telemetry.metrics import Metrics
from consumer.web.compose import Parts, served_application, token_verifier, verifies_tokens
from consumer.web.http.database import Connections
from consumer.web.live.feed import LiveEvents
from consumer.web.live.lag_history import LagHistory, sample
from consumer.web.tracker.compose import running_tracker

if TYPE_CHECKING:
    from consumer.infra.settings import Settings

log = structlog.get_logger(__name__)

# Seconds that requests in flight have to finish after SIGTERM.
_SHUTDOWN_GRACE = 5
# Open files that are left to everything but the connections of clients and those to the database.
_OTHER_FILES = 100


async def run(settings: Settings, *, only_tracker: bool = False) -> None:
    """Serve until SIGTERM or SIGINT. Raises SettingsError, and CannotListenError if an HTTP port is taken.

    only_tracker: without the API, but for the route of the tracker's recent requests, where tokens can be verified.
    """
    tokens = None if only_tracker and not verifies_tokens(settings) else token_verifier(settings)
    listener = http_server.listen(settings.http_host, settings.http_port)
    own_port = settings.health_port is not None
    health_listener = http_server.listen_for_health(settings) if own_port else None
    health, metrics = Health(SystemClock()), Metrics()
    clients = _clients(settings, metrics)
    within = dependency_probes.INTERVAL + 2 * dependency_probes.TIMEOUT
    health.expect("database", within=within, required=not only_tracker)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    pool = postgres.pool(settings.dsn(), size=settings.web_connections)
    # A connection beside the pool, while there are clients: requests must not keep events from them.
    # Of HTTP's connections, streams that stay open leave one half to requests.
    most = max(1, clients.bounds.connections // 2)
    live = LiveEvents(lambda: postgres.connect(settings.dsn()), SystemClock(), metrics, most=most)
    try:
        await pool
        async with AsyncExitStack() as stack:
            tracker = None
            if settings.tracker and settings.has_kafka:
                started = running_tracker(settings, metrics, health, required=only_tracker)
                tracker = await stack.enter_async_context(started)
            lag_history = LagHistory(settings.has_kafka)
            parts = Parts(Connections(pool, metrics), health, metrics, live, tracker, lag_history)
            served = served_application(settings, tokens, parts, only_tracker=only_tracker)
            collect_garbage_rarely()
            async with asyncio.TaskGroup() as group:
                work = [
                    http_server.serve(served, listener, patience=_SHUTDOWN_GRACE, connections=clients),
                    dependency_probes.watch_database(
                        settings, health, writes=False, required=not only_tracker
                    ),
                    *([] if only_tracker else [sample(lag_history, settings, SystemClock())]),
                ]
                if tokens is not None:
                    work.append(tokens.keep_fresh())
                if health_listener is not None:
                    endpoints = health_endpoints.application(health, metrics)
                    work.append(http_server.serve(endpoints, health_listener))
                tasks = [group.create_task(each) for each in work]
                log.info("serving", address=":".join(map(str, listener.getsockname()[:2])))
                await stopping.wait()
                log.info("stopping")
                live.close()
                for task in tasks:
                    task.cancel()
    finally:
        # Not close(): it would wait for a server that may be frozen.
        pool.terminate()


def _clients(settings: Settings, metrics: Metrics) -> OpenConnections:
    """Return the connections of clients: as many as settings say, or fewer where there are not files enough."""
    most = open_files.raise_limit() - settings.web_connections - _OTHER_FILES
    bounds = Bounds(connections=max(1, min(settings.http_connections, most)))
    clients = OpenConnections(bounds, lambda reason: metrics.http_connections_closed.labels(reason).inc())
    metrics.http_connections_open.set_function(lambda: len(clients))
    return clients
