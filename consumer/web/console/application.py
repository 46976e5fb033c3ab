"""The console's ASGI application, in front of the API, which has all other paths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import RedirectResponse

from consumer.web.console import (
    activity,
    assets,
    catalog,
    components,
    contact,
    embed,
    health,
    home,
    leads,
    pass_through,
    preferences,
    profiles,
    segments,
    settings,
    sign_in,
    start,
    tracker,
)
from consumer.web.console.bands import KnownBands
from consumer.web.console.outside_page import outside_page
from consumer.web.console.page_route import NamedRoute, routes_of
from consumer.web.console.profiles.kept_previews import KeptPreviews
from consumer.web.console.security_headers import SecurityHeaders
from consumer.web.console.sessions import Sessions
from consumer.web.http.compression import CompressionMiddleware
from consumer.web.http.http_metrics import HttpMetricsMiddleware
from consumer.web.http.middleware import RequestMiddleware
from consumer.web.http.request_id import RequestIdMiddleware
from consumer.web.http.seal import InstallationSeal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

    from consumer.infra.telemetry.metrics import Metrics
    from consumer.web.console.sign_in.openid import OpenIdSignIn
    from consumer.web.http.auth import TokenVerifier
    from consumer.web.http.database import Connections

_HOME: Final = "/console"
# Below which all paths are the console's.
_PREFIXES: Final = ("/console/", "/embed/")

ROUTES = routes_of(
    sign_in.ROUTES,
    home.ROUTES,
    preferences.ROUTES,
    pass_through.ROUTES,
    start.ROUTES,
    leads.ROUTES,
    segments.ROUTES,
    contact.ROUTES,
    embed.ROUTES,
    catalog.ROUTES,
    tracker.ROUTES,
    settings.ROUTES,
    activity.ROUTES,
    health.ROUTES,
    profiles.ROUTES,
)


class ConsoleApplication:
    """The application: pages below `/console`, and `/embed` for those of others; `/` leads to the console."""

    def __init__(
        self,
        api: ASGIApp,
        connections: Connections,
        tokens: TokenVerifier,
        metrics: Metrics,
        *,
        openid: OpenIdSignIn | None = None,
        secure: bool = False,
        development: bool = False,
        embed_origins: Sequence[str] = (),
    ) -> None:
        """Make it. openid: by which people sign in too. secure: browsers come over TLS, by whatever proxy.

        development: with the page of all components. embed_origins: of pages that may frame a contact; `*`: any.
        """
        self._api = api
        self._pages = Starlette(
            routes=[
                NamedRoute("/console/~assets/{digest}/{name:path}", assets.serve),
                *(components.ROUTES if development else ()),
                *ROUTES,
            ],
            exception_handlers={HTTPException: _respond},
            middleware=[
                Middleware(HttpMetricsMiddleware, metrics=metrics),
                Middleware(RequestIdMiddleware),
                Middleware(RequestMiddleware),
                Middleware(CompressionMiddleware),
                Middleware(SecurityHeaders),
            ],
        )
        self._pages.router.redirect_slashes = False
        self._pages.state.api = api
        self._pages.state.sessions = Sessions(connections)
        self._pages.state.tokens = tokens
        self._pages.state.previews = KeptPreviews()
        self._pages.state.openid = openid
        self._pages.state.secure = secure
        self._pages.state.connections = connections
        self._pages.state.seal = InstallationSeal()
        self._pages.state.embed_origins = embed_origins
        self._pages.state.known_bands = KnownBands()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        path = scope.get("path", "")
        if scope["type"] == "http" and (path == _HOME or path.startswith(_PREFIXES)):
            await self._pages(scope, receive, send)
        elif scope["type"] == "http" and path == "/" and scope["method"] in {"GET", "HEAD"}:
            await RedirectResponse(_HOME, 303)(scope, receive, send)
        else:
            await self._api(scope, receive, send)


async def _respond(request: Request, error: Exception) -> Response:
    """Answer what no page has answered: a path that there is not, a body that is too large."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = error.detail if isinstance(error, HTTPException) else ""
    return outside_page(request, "outside/problem.html", status=status, detail=detail)
