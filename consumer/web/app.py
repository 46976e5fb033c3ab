"""The web process: compose API and tracker, serve them with health and metrics, shut down on SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog
from fastapi import FastAPI
from starlette.applications import Starlette

from consumer.catalog import CatalogLimits
from consumer.infra import http_server, open_files, postgres
from consumer.infra.clock import SystemClock
from consumer.infra.garbage import collect_garbage_rarely
from consumer.infra.http_connections import Bounds, OpenConnections
from consumer.infra.settings import SettingsError, variable
from consumer.infra.telemetry import dependency_probes
from consumer.infra.telemetry import health as health_endpoints
from consumer.infra.telemetry.health import Health
from consumer.infra.telemetry.metrics import Metrics
from consumer.web import docs_page, openapi
from consumer.web.api import further_checks
from consumer.web.console.application import ConsoleApplication
from consumer.web.console.sign_in.openid import OpenIdSignIn, Provider
from consumer.web.http import cross_origin, error_handlers
from consumer.web.http.auth import TokenVerifier
from consumer.web.http.compression import CompressionMiddleware
from consumer.web.http.conditional_reads import ConditionalReads
from consumer.web.http.database import Connections
from consumer.web.http.http_metrics import HttpMetricsMiddleware
from consumer.web.http.jwt_keys import KeySet, SharedSecret
from consumer.web.http.known_accounts import KnownAccounts
from consumer.web.http.middleware import RequestMiddleware
from consumer.web.http.request_id import RequestIdMiddleware
from consumer.web.http.route_table import RouteTable
from consumer.web.http.seal import InstallationSeal
from consumer.web.http.shared_reads import SharedReads
from consumer.web.live.feed import LiveEvents
from consumer.web.live.lag_history import LagHistory, sample
from consumer.web.routes import ROUTERS, TRACKER_ROUTERS
from consumer.web.tracker.application import TrackerApplication
from consumer.web.tracker.compose import running_tracker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import APIRouter
    from starlette.types import ASGIApp

    from consumer.infra.settings import Settings
    from consumer.web.tracker.recent_requests import RecentRequests

log = structlog.get_logger(__name__)


# Seconds that requests in flight have to finish after SIGTERM.
_SHUTDOWN_GRACE = 5
# Open files that are left to everything but the connections of clients and those to the database.
_OTHER_FILES = 100


def application(
    connections: Connections,
    tokens: TokenVerifier,
    health: Health,
    metrics: Metrics,
    *,
    limits: CatalogLimits,
    live: LiveEvents,
    serves_health: bool = True,
    origins: Sequence[str] = (),
    claim_window: timedelta = timedelta(days=90),
    private_webhooks: bool = False,
    recent_requests: RecentRequests | None = None,
    lag_history: LagHistory | None = None,
    routers: Sequence[APIRouter] = ROUTERS,
) -> FastAPI:
    """Return the HTTP application.

    limits: how much an account may configure. live: feeds clients of events. serves_health: False where health and
    metrics have another port. origins: of web pages that may call it from browsers. claim_window: how long the key
    of an applied event is remembered, for replays of dead letters. private_webhooks: whether they may lead to
    addresses that are not public. recent_requests: of the tracker, if this process serves it. lag_history: as this
    process samples it, if it does. routers: those that are served.
    """
    api = FastAPI(
        title="Engagement",
        version="1",
        description=openapi.DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses={"default": {"description": "A problem."}},
        generate_unique_id_function=lambda route: route.name,
    )
    api.state.connections = connections
    api.state.tokens = tokens
    api.state.limits = limits
    api.state.claim_window = claim_window
    api.state.live = live
    api.state.private_webhooks = private_webhooks
    api.state.recent_requests = recent_requests
    api.state.lag_history = lag_history
    api.state.seal = InstallationSeal()
    api.state.accounts = KnownAccounts()
    api.state.shared_reads = SharedReads()
    for router in routers:
        api.include_router(router)
    api.router.routes.insert(0, RouteTable(api.routes))
    api.router.routes += docs_page.routes()
    if serves_health:
        api.router.routes += health_endpoints.routes(health, metrics)
    error_handlers.install(api, further_checks.faults)
    openapi.install(api)
    # From the innermost to the outermost: an answer of each has what those after it add.
    api.add_middleware(ConditionalReads)
    api.add_middleware(CompressionMiddleware)
    api.add_middleware(RequestMiddleware)
    cross_origin.install(api, origins)
    api.add_middleware(RequestIdMiddleware)
    api.add_middleware(HttpMetricsMiddleware, metrics=metrics)
    return api


def token_verifier(settings: Settings) -> TokenVerifier:
    """Return the verifier that settings ask for; raises SettingsError if they name neither a secret nor a JWKS."""
    limits: dict[str, Any] = {"issuer": settings.jwt_issuer, "audience": settings.jwt_audience}
    if settings.jwt_secret is not None:
        return TokenVerifier(SharedSecret(settings.jwt_secret.get_secret_value()), **limits)
    if settings.jwt_jwks is not None:
        return TokenVerifier(KeySet(settings.jwt_jwks, SystemClock()), **limits)
    raise SettingsError(
        [f"{variable('jwt_secret')} or {variable('jwt_jwks')} is missing: tokens cannot be verified"]
    )


async def run(settings: Settings, *, only_tracker: bool = False) -> None:
    """Serve until SIGTERM or SIGINT. Raises SettingsError, and CannotListenError if an HTTP port is taken.

    only_tracker: without the API, but for the route of the tracker's recent requests, where tokens can be verified.
    """
    tokens = None if only_tracker and not _verifies_tokens(settings) else token_verifier(settings)
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
            served: ASGIApp
            if tokens is None:
                served = health_endpoints.application(health, metrics) if not own_port else Starlette()
            else:
                connections = Connections(pool, metrics)
                served = application(
                    *(connections, tokens, health, metrics),
                    limits=CatalogLimits.of(settings),
                    live=live,
                    serves_health=not own_port,
                    origins=settings.web_origins,
                    claim_window=settings.claim_window,
                    private_webhooks=settings.webhook_private,
                    recent_requests=None if tracker is None else tracker.recent,
                    lag_history=lag_history,
                    routers=TRACKER_ROUTERS if only_tracker else ROUTERS,
                )
                if settings.console and not only_tracker:
                    served = _console(settings, served, connections, tokens, metrics)
            if settings.tracker:
                served = TrackerApplication(tracker, served)
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


def _console(
    settings: Settings, api: ASGIApp, connections: Connections, tokens: TokenVerifier, metrics: Metrics
) -> ConsoleApplication:
    """Return the console in front of the API."""
    openid = None
    if settings.oidc_issuer and settings.oidc_client_id and settings.console_url:
        secret = settings.oidc_client_secret
        provider = Provider(
            settings.oidc_issuer,
            settings.oidc_client_id,
            None if secret is None else secret.get_secret_value(),
            settings.console_url,
            settings.oidc_actor_claim,
            settings.oidc_account_claim,
            settings.oidc_permissions_claim,
            settings.oidc_roles,
        )
        openid = OpenIdSignIn(provider)
    return ConsoleApplication(
        *(api, connections, tokens, metrics),
        openid=openid,
        secure=(settings.console_url or "").startswith("https:"),
        development=settings.console_development,
        embed_origins=settings.embed_origins,
    )


def _verifies_tokens(settings: Settings) -> bool:
    return settings.jwt_secret is not None or settings.jwt_jwks is not None


def _clients(settings: Settings, metrics: Metrics) -> OpenConnections:
    """Return the connections of clients: as many as settings say, or fewer where there are not files enough."""
    most = open_files.raise_limit() - settings.web_connections - _OTHER_FILES
    bounds = Bounds(connections=max(1, min(settings.http_connections, most)))
    clients = OpenConnections(bounds, lambda reason: metrics.http_connections_closed.labels(reason).inc())
    metrics.http_connections_open.set_function(lambda: len(clients))
    return clients
