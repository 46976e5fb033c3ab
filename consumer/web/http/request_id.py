"""A request id in every answer, log line and problem: the caller's if it is well-formed, else a new one.

With it a person who reports a problem and the log lines about it are brought together.
"""

from __future__ import annotations

import re
import uuid
from contextvars import ContextVar
from typing import TYPE_CHECKING

import structlog
from starlette.datastructures import Headers

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "X-Request-Id"
# Those of proxies and tracing (UUID, ULID, `Root=1-67891233-…`): nothing that a log or a page would interpret.
_WELL_FORMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:=/+@-]{0,127}")

_current: ContextVar[str | None] = ContextVar("request_id", default=None)


def current() -> str | None:
    """Return the id of the request that is being answered, None outside of one."""
    return _current.get()


class RequestIdMiddleware:
    """The outermost ASGI middleware, so that what the others answer has an id too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sent = Headers(scope=scope).get(HEADER, "")
        request_id = sent if _WELL_FORMED.fullmatch(sent) else uuid.uuid4().hex

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                name, value = HEADER.lower().encode(), request_id.encode()
                message["headers"] = [*message.get("headers", ()), (name, value)]
            await send(message)

        token = _current.set(request_id)
        try:
            with structlog.contextvars.bound_contextvars(request_id=request_id):
                await self._app(scope, receive, send_with_id)
        finally:
            _current.reset(token)
