"""What the API answers, for scripts and downloads of the console: its routes for reading, below `/console/~api`.

The answer is streamed as the API sends it. A session that was ended is not noticed by a stream that is open, so a
stream ends after some minutes, and the browser asks again.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from starlette.responses import Response

from consumer.web.console.page_route import page
from consumer.web.http.auth import SIGNED_IN

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from consumer.web.console.visit import Visit
    from consumer.web.http.auth import Claims

_STREAM: Final = timedelta(minutes=10)


class OfApi(Response):
    """The API's own answer to someone with these claims. path: of the API, quoted. query: of its query string."""

    def __init__(self, api: ASGIApp, claims: Claims, path: bytes, query: bytes) -> None:
        super().__init__()
        self._api = api
        self._claims = claims
        self._path = path
        self._query = query

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the API answer."""
        claims = self._claims
        soon = min(claims.expires_at, datetime.now(UTC) + _STREAM)
        # Without the cookie, and without anything that a client could have put into the scope.
        kept = (b"accept", b"last-event-id", b"if-none-match")
        asked = {
            **{name: scope[name] for name in ("type", "asgi", "http_version", "scheme", "server", "client")},
            "method": "GET",
            "path": unquote(self._path.decode("latin-1")),
            "raw_path": self._path,
            "root_path": "",
            "query_string": self._query,
            "headers": [(name, value) for name, value in scope["headers"] if name in kept],
            SIGNED_IN: replace(claims, expires_at=soon),
        }
        await self._api(asked, receive, send)


async def _answer(visit: Visit) -> Response:
    scope = visit.request.scope
    path = scope["raw_path"].removeprefix(b"/console/~api")
    return OfApi(visit.request.app.state.api, visit.session.claims, path, scope["query_string"])


# Not `{account}`: the API checks it itself. Health and metrics, which a proxy may keep inside, are not below /v1.
ROUTES = [page("/~api/v1/{path:path}", _answer)]
