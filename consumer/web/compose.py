"""What one address serves, by settings: the API, the console in front of it, the tracker in front of both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette

from consumer.catalog import CatalogLimits
from consumer.infra.clock import SystemClock
from consumer.infra.settings import SettingsError, variable
from consumer.infra.telemetry import health as health_endpoints
from consumer.web.api_application import application
from consumer.web.console.application import ConsoleApplication
from consumer.web.console.sign_in.openid import OpenIdSignIn, Provider
from consumer.web.http.auth import TokenVerifier
from consumer.web.http.jwt_keys import KeySet, SharedSecret
from consumer.web.routes import ROUTERS, TRACKER_ROUTERS
from consumer.web.tracker.application import TrackerApplication

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from consumer.infra.settings import Settings
    from consumer.infra.telemetry.health import Health
    from consumer.infra.telemetry.metrics import Metrics
    from consumer.web.http.database import Connections
    from consumer.web.live.feed import LiveEvents
    from consumer.web.live.lag_history import LagHistory
    from consumer.web.tracker.tracker import Tracker


@dataclass(frozen=True, slots=True)
class Parts:
    """What the applications of a process share. tracker: None where there is no Kafka, or no tracker."""

    connections: Connections
    health: Health
    metrics: Metrics
    live: LiveEvents
    tracker: Tracker | None
    lag_history: LagHistory


def served_application(
    settings: Settings, tokens: TokenVerifier | None, parts: Parts, *, only_tracker: bool
) -> ASGIApp:
    """Return the application of a process. tokens: None where none can be verified: then it has no API.

    only_tracker: without console, and of the API nothing but the tracker's recent requests.
    """
    serves_health = settings.health_port is None
    served: ASGIApp
    if tokens is None:
        served = health_endpoints.application(parts.health, parts.metrics) if serves_health else Starlette()
    else:
        served = application(
            *(parts.connections, tokens, parts.health, parts.metrics),
            limits=CatalogLimits.of(settings),
            live=parts.live,
            serves_health=serves_health,
            origins=settings.web_origins,
            claim_window=settings.claim_window,
            private_webhooks=settings.webhook_private,
            recent_requests=None if parts.tracker is None else parts.tracker.recent,
            lag_history=parts.lag_history,
            routers=TRACKER_ROUTERS if only_tracker else ROUTERS,
        )
        if settings.console and not only_tracker:
            served = _console(settings, served, tokens, parts)
    return TrackerApplication(parts.tracker, served) if settings.tracker else served


def verifies_tokens(settings: Settings) -> bool:
    """Return whether settings say how tokens are verified."""
    return settings.jwt_secret is not None or settings.jwt_jwks is not None


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


def _console(settings: Settings, api: ASGIApp, tokens: TokenVerifier, parts: Parts) -> ConsoleApplication:
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
        *(api, parts.connections, tokens, parts.metrics),
        openid=openid,
        secure=(settings.console_url or "").startswith("https:"),
        development=settings.console_development,
        embed_origins=settings.embed_origins,
    )
