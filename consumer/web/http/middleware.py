"""Body size limit, request log, account headers, HEAD, and a problem for any unexpected error.

Reads the claims and the caller for log and headers from the request's state, where auth.py puts them.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import structlog
from starlette.exceptions import HTTPException

from consumer.web.http import methods
from consumer.web.http.problems import Code, ProblemError, malformed, problem_response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger(__name__)

# On every response about an account; `off`: its engagement module is off and new events do not count.
MODULE_HEADER = b"engagement-module"
MAX_BODY_BYTES = 1_048_576
# Of the events of a backfill.
MAX_EVENTS_BYTES = 16_777_216
_UNLOGGED_PATHS = {"/livez", "/readyz", "/metrics"}


class RequestMiddleware:
    """The ASGI middleware around the API."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started_at, status, method = time.monotonic(), 0, scope["method"]
        scope, receive, send = methods.head_as_get(scope, receive, send)
        state: dict[str, Any] = scope.setdefault("state", {})

        received = 0
        # Only a request to begin a backfill has that path's last part and a body.
        most = MAX_EVENTS_BYTES if scope["path"].endswith("/backfills") else MAX_BODY_BYTES

        async def limited_receive() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > most:
                raise HTTPException(413, f"the body must have at most {most} bytes")
            return message

        async def observed_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *_headers(state)]
            await send(message)

        try:
            if "\0" in scope["path"] or b"%00" in scope["query_string"]:
                # Postgres does not store NUL, so that nothing can have it in its name.
                await problem_response(malformed("the URL must not contain NUL characters"))(
                    scope, receive, observed_send
                )
            else:
                await self._app(scope, limited_receive, observed_send)
        except Exception:
            log.exception("request failed", method=method, path=scope["path"])
            if status:
                # A truncated response must not look complete: the server closes the connection.
                raise
            problem = ProblemError(Code.INTERNAL, "an unexpected error occurred and was logged")
            await problem_response(problem)(scope, receive, observed_send)
        finally:
            if scope["path"] not in _UNLOGGED_PATHS:
                _log(scope, method, state, status, started_at)


def _headers(state: dict[str, Any]) -> list[tuple[bytes, bytes]]:
    caller = state.get("caller")
    if caller is None:
        return []
    # Personal data: caches must not store it.
    return [(MODULE_HEADER, b"on" if caller.account.engagement else b"off"), (b"cache-control", b"no-store")]


def _log(scope: Scope, method: str, state: dict[str, Any], status: int, started_at: float) -> None:
    claims = state.get("claims")
    route = scope.get("route")
    log.info(
        "request",
        method=method,
        route=getattr(route, "path", None),
        status=status,
        milliseconds=round((time.monotonic() - started_at) * 1000, 1),
        account=getattr(claims, "account", None),
        actor=getattr(claims, "actor", None),
    )
