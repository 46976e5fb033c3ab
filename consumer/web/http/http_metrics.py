"""ASGI middleware that measures requests by route: number, time to the answer, requests in flight."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from consumer.infra.telemetry.metrics import Metrics

# Labels are bounded: what clients make up themselves has one value.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_NONE, _OTHER = "none", "other"


class HttpMetricsMiddleware:
    """The outermost middleware: what it measures is what clients get."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, began = _NONE, time.monotonic()
        method = scope["method"] if scope["method"] in _METHODS else _OTHER

        async def observed_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
                seconds = self._metrics.http_request_seconds.labels(_route(scope), method)
                seconds.observe(time.monotonic() - began)
            await send(message)

        self._metrics.http_requests_in_flight.inc()
        try:
            await self._app(scope, receive, observed_send)
        finally:
            self._metrics.http_requests_in_flight.dec()
            self._metrics.http_requests.labels(_route(scope), method, status).inc()


def _route(scope: Scope) -> str:
    """Return the path of the route as the OpenAPI document has it; `none` before one is found."""
    return getattr(scope.get("route"), "path_format", _NONE)
