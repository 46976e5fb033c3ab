"""Compresses large answers by gzip for clients that accept it; streams stay streams, part by part.

An attack like BREACH guesses secrets from the sizes of compressed answers. It needs a browser that sends the
victim's credentials along with the attacker's requests; a bearer token is not sent so. Problems repeat what a
caller has sent, and are small: they are never compressed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware

from consumer.web.http import ndjson_response, problems

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

# Below, compressing costs more than the bytes that it saves: they fit into one packet anyway.
_MINIMUM_BYTES = 1400
# JSON becomes a tenth smaller by level 9, in three times the time.
_LEVEL = 5
# A larger part is compressed in a thread: it would hold up other requests for more than a millisecond.
_THREAD_BYTES = 65_536
# Progress is to be seen at once. Event streams are among the defaults.
_NEVER = (*DEFAULT_EXCLUDED_CONTENT_TYPES, ndjson_response.MEDIA_TYPE, problems.MEDIA_TYPE)
_REFUSED = re.compile(r"\bgzip\s*;\s*q\s*=\s*0(\.0*)?\s*(,|$)", re.IGNORECASE)


class CompressionMiddleware(GZipMiddleware):
    """Starlette's, with what this API compresses; it also heeds `gzip;q=0`."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(
            app,
            minimum_size=_MINIMUM_BYTES,
            compresslevel=_LEVEL,
            thread_minimum_size=_THREAD_BYTES,
            exclude_content_types=_NEVER,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http" and _REFUSED.search(Headers(scope=scope).get("accept-encoding", "")):
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)
