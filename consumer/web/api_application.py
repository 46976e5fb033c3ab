"""The API as an ASGI application: its routes, and what surrounds every request."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from fastapi import FastAPI

from consumer.infra.telemetry import health as health_endpoints
from consumer.web import docs_page, openapi
from consumer.web.api import further_checks
from consumer.web.http import cross_origin, error_handlers
from consumer.web.http.compression import CompressionMiddleware
from consumer.web.http.conditional_reads import ConditionalReads
from consumer.web.http.http_metrics import HttpMetricsMiddleware
from consumer.web.http.known_accounts import KnownAccounts
from consumer.web.http.middleware import RequestMiddleware
from consumer.web.http.request_id import RequestIdMiddleware
from consumer.web.http.route_table import RouteTable
from consumer.web.http.seal import InstallationSeal
from consumer.web.http.shared_reads import SharedReads
from consumer.web.routes import ROUTERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import APIRouter

    from consumer.catalog import CatalogLimits
    from consumer.infra.telemetry.health import Health
    from consumer.infra.telemetry.metrics import Metrics
    from consumer.web.http.auth import TokenVerifier
    from consumer.web.http.database import Connections
    from consumer.web.live.feed import LiveEvents
    from consumer.web.live.lag_history import LagHistory
    from consumer.web.tracker.recent_requests import RecentRequests


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
