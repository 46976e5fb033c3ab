"""What stands around every request: a line in the log, an answer whatever happens, headers that all answers have.

Owns the outermost layer of the application. Never looks at who calls: auth.py does, and leaves in the request's
state whom to name in the log.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import structlog
from starlette.exceptions import HTTPException

from consumer.web.http.problems import Code, ProblemError, malformed, problem_response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger(__name__)

# On every answer about an account: `off` where its engagement module is off, so that nothing new counts.
MODULE_HEADER = b"engagement-module"
MAX_BODY_BYTES = 1_048_576
_UNLOGGED_PATHS = {"/livez", "/readyz", "/metrics"}


class RequestMiddleware:
    """The ASGI application around the API."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started_at, status = time.monotonic(), 0
        state: dict[str, Any] = scope.setdefault("state", {})

        received = 0

        async def limited_receive() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > MAX_BODY_BYTES:
                raise HTTPException(413, f"the body must have at most {MAX_BODY_BYTES} bytes")
            return message

        async def observed_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *_headers(state)]
            await send(message)

        try:
            if "\0" in scope["path"] or b"%00" in scope["query_string"]:
                # Postgres takes no such text, and nothing that exists has it in its name.
                await problem_response(malformed("the address must not have NUL characters"))(
                    scope, receive, observed_send
                )
            else:
                await self._app(scope, limited_receive, observed_send)
        except Exception:
            log.exception("request failed", method=scope["method"], path=scope["path"])
            if status:
                # An answer cut short must not look whole: the server drops the connection.
                raise
            problem = ProblemError(Code.INTERNAL, "the error was logged; nothing was changed")
            await problem_response(problem)(scope, receive, observed_send)
        finally:
            if scope["path"] not in _UNLOGGED_PATHS:
                _log(scope, state, status, started_at)


def _headers(state: dict[str, Any]) -> list[tuple[bytes, bytes]]:
    caller = state.get("caller")
    if caller is None:
        return []
    # What is told about people is nobody's to keep.
    return [(MODULE_HEADER, b"on" if caller.account.engagement else b"off"), (b"cache-control", b"no-store")]


def _log(scope: Scope, state: dict[str, Any], status: int, started_at: float) -> None:
    claims = state.get("claims")
    route = scope.get("route")
    log.info(
        "request",
        method=scope["method"],
        route=getattr(route, "path", None),
        status=status,
        milliseconds=round((time.monotonic() - started_at) * 1000, 1),
        account=getattr(claims, "account", None),
        actor=getattr(claims, "actor", None),
    )
