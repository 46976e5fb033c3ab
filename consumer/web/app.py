"""The web process: puts the API together, serves it beside health and metrics, and ends in order.

Owns the composition, and what SIGTERM does. Never knows what a route does.
"""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Any

import structlog
from fastapi import FastAPI

from consumer.infra import postgres
from consumer.infra.clock import SystemClock
from consumer.infra.settings import SettingsError, variable
from consumer.infra.telemetry import health, probes
from consumer.infra.telemetry.health import Health
from consumer.infra.telemetry.metrics import Metrics
from consumer.web import openapi
from consumer.web.http import problems
from consumer.web.http.auth import Tokens
from consumer.web.http.database import Connections
from consumer.web.http.jwt_keys import KeySet, Secret
from consumer.web.http.middleware import Guard
from consumer.web.routes import ROUTERS

if TYPE_CHECKING:
    from consumer.infra.settings import Settings

log = structlog.get_logger(__name__)


# Seconds for which requests in flight may go on after SIGTERM.
_FAREWELL = 5


def application(connections: Connections, tokens: Tokens, told: Health, metrics: Metrics) -> FastAPI:
    """Return the HTTP application."""
    made = FastAPI(
        title="Engagement",
        version="1",
        description=openapi.DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses={"default": {"description": "A problem."}},
        generate_unique_id_function=lambda route: route.name,
    )
    made.state.connections = connections
    made.state.tokens = tokens
    for router in ROUTERS:
        made.include_router(router)
    made.router.routes += health.routes(told, metrics)
    problems.install(made)
    openapi.install(made)
    made.add_middleware(Guard)
    return made


def tokens_of(settings: Settings) -> Tokens:
    """Return what checks tokens; raises SettingsError where no setting says how."""
    limits: dict[str, Any] = {"issuer": settings.jwt_issuer, "audience": settings.jwt_audience}
    if settings.jwt_secret is not None:
        return Tokens(Secret(settings.jwt_secret.get_secret_value()), **limits)
    if settings.jwt_jwks is not None:
        return Tokens(KeySet(settings.jwt_jwks, SystemClock()), **limits)
    raise SettingsError(
        [f"{variable('jwt_secret')} or {variable('jwt_jwks')} is missing: tokens cannot be checked without"]
    )


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises SettingsError, and OSError where the HTTP port is taken."""
    tokens = tokens_of(settings)
    listener = health.listen(settings.http_host, settings.http_port)
    told, metrics = Health(SystemClock()), Metrics()
    told.expect("database", within=probes.EVERY + 2 * probes.PATIENCE)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    pool = postgres.pool(settings.dsn(), size=settings.web_connections)
    try:
        await pool
        made = application(Connections(pool), tokens, told, metrics)
        async with asyncio.TaskGroup() as group:
            side = [
                group.create_task(health.serve(made, listener, patience=_FAREWELL)),
                group.create_task(probes.watch_database(settings, told)),
            ]
            log.info("serving", address=":".join(map(str, listener.getsockname()[:2])))
            await stopping.wait()
            log.info("stopping")
            for task in side:
                task.cancel()
    finally:
        # Not close(): that waits for a server which may be frozen.
        pool.terminate()
