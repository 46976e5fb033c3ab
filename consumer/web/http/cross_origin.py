"""CORS: which web pages may call the API from a browser, and which headers of an answer their scripts may read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.middleware.cors import CORSMiddleware

from consumer.web.http import request_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.applications import Starlette

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
# Content-Type: JSON is not among the types that a page may send without asking.
_SENT = ("Authorization", "Content-Type", "If-Match", "If-None-Match", "Last-Event-ID", request_id.HEADER)
# Of an answer a script sees only the simplest headers, unless they are named.
EXPOSED = (
    *("Allow", "Content-Disposition", "Engagement-Module", "ETag", "Link", "Location", "Retry-After"),
    *("WWW-Authenticate", request_id.HEADER),
)
# Seconds for which a browser need not ask again: the most that Chromium observes.
_MAX_AGE = 7200


def install(application: Starlette, origins: Sequence[str]) -> None:
    """Let pages of these origins call the application; `*`: of any. None: pages of its own origin only.

    Cookies are not allowed: callers send a token, which no page has unless it was given one.
    """
    if origins:
        application.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=_METHODS,
            allow_headers=_SENT,
            expose_headers=EXPOSED,
            max_age=_MAX_AGE,
        )
