"""Answers 304 to a read whose `If-None-Match` names the ETag of the answer, for every route that sets one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_NOT_MODIFIED = 304


class ConditionalReads:
    """The ASGI middleware: the answer is computed as ever, and its body left out if the client has it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        known = None
        if scope["type"] == "http" and scope["method"] in {"GET", "HEAD"}:
            known = Headers(scope=scope).get("if-none-match")
        if known is None:
            await self._app(scope, receive, send)
            return
        left_out = False

        async def send_changed(message: Message) -> None:
            nonlocal left_out
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=list(message["headers"]))
                left_out = message["status"] == 200 and _names(known, headers.get("etag"))  # noqa: PLR2004
                if left_out:
                    del headers["content-length"], headers["content-type"]
                    message = {**message, "status": _NOT_MODIFIED, "headers": headers.raw}
            elif left_out and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app(scope, receive, send_changed)


def _names(known: str, etag: str | None) -> bool:
    """Return True if the header names the ETag. Weak and strong ones are compared alike, as RFC 9110 has it."""
    tags = {each.strip().removeprefix("W/") for each in known.split(",")}
    return etag is not None and ("*" in tags or etag.removeprefix("W/") in tags)
