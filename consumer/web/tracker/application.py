"""The tracker's ASGI application, in front of another one that has all other paths.

No framework on the way of a call: a look-up of its path, and a function. Never answers 500 for what a caller sent.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import structlog

from consumer.web.tracker import http_answers
from consumer.web.tracker.calls.body import Kind
from consumer.web.tracker.calls.outcome import Refusal
from consumer.web.tracker.handle_calls import handle_batch, handle_call
from consumer.web.tracker.handle_links import handle_click, handle_pixel, handle_pixel_call
from consumer.web.tracker.http_answers import Answer
from consumer.web.tracker.http_request import DisconnectedError, HttpRequest
from consumer.web.tracker.script import ETAG, SCRIPT, SCRIPT_GZIP
from consumer.web.tracker.settings_document import PREFIX, SUFFIX, handle_settings
from consumer.web.tracker.tracker import RequestRefusedError, Visit, answer_to
from schemas.vocabulary import RefusalReason

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

    from consumer.web.tracker.tracker import Tracker

    Handler = Callable[[Tracker, Visit], Awaitable[Answer]]

log = structlog.get_logger(__name__)

_SHORT: Final = {kind.value[0]: kind for kind in Kind}
_SCRIPT_PATH: Final = "/tracker.js"
_POSTS: Final[dict[str, tuple[str, Handler]]] = {
    **{f"/v1/{kind}": (kind, partial(handle_call, kind=kind)) for kind in Kind},
    **{f"/v1/{letter}": (kind, partial(handle_call, kind=kind)) for letter, kind in _SHORT.items()},
    **dict.fromkeys(("/v1/batch", "/v1/b", "/v1/import"), ("batch", handle_batch)),
}
_PIXELS: Final[dict[str, tuple[str, Handler]]] = {
    "/v1/pixel.gif": ("pixel", handle_pixel),
    **{f"/v1/pixel/{kind}": ("pixel", partial(handle_pixel_call, kind=kind)) for kind in Kind},
}
_GETS: Final[dict[str, tuple[str, Handler]]] = {"/v1/click": ("click", handle_click)}
# Where browser libraries send figures about themselves; taken and forgotten.
_LIBRARY_METRICS: Final = "/v1/m"
_PATHS: Final = frozenset({*_POSTS, *_PIXELS, *_GETS, _LIBRARY_METRICS, _SCRIPT_PATH})

_SCRIPT_HEADERS: Final = (
    (b"content-type", b"text/javascript; charset=utf-8"),
    (b"cache-control", b"public, max-age=3600"),
    (b"etag", ETAG.encode()),
    (b"vary", b"Accept-Encoding"),
    (b"access-control-allow-origin", b"*"),
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"x-content-type-options", b"nosniff"),
)
_NO_TRACKER: Final = Answer(
    503,
    ((b"content-type", b"application/json"), (b"cache-control", b"no-store"), (b"retry-after", b"60")),
    b'{"success":false,"reason":"unavailable","detail":"no tracker here: ENGAGEMENT_KAFKA_BOOTSTRAP is not set"}',
)


class TrackerApplication:
    """The application. tracker: None where there is no Kafka. beside: has all paths that are not the tracker's."""

    def __init__(self, tracker: Tracker | None, beside: ASGIApp) -> None:
        self._tracker = tracker
        self._beside = beside

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        path = scope.get("path", "")
        if scope["type"] != "http" or not (path in _PATHS or _is_settings(path)):
            await self._beside(scope, receive, send)
            return
        request = HttpRequest(scope, receive)
        method = scope["method"]
        if method == "POST" and path in _POSTS:
            call, handler = _POSTS[path]
            await self._handle(call, handler, request, send)
        elif method == "OPTIONS":
            await http_answers.send_answer(http_answers.PREFLIGHT, send)
        elif method == "POST" and path == _LIBRARY_METRICS:
            await http_answers.send_answer(http_answers.SUCCESS, send, request.header(b"origin"))
        elif method not in {"GET", "HEAD"} or path in _POSTS or path == _LIBRARY_METRICS:
            await http_answers.send_answer(_not_allowed(path), send)
        elif path == _SCRIPT_PATH:
            await http_answers.send_answer(_script(request), send, head=method == "HEAD")
        elif path in _PIXELS:
            call, handler = _PIXELS[path]
            await self._handle(call, handler, request, send)
        else:
            call, handler = _GETS.get(path, ("settings", handle_settings))
            await self._handle(call, handler, request, send)

    async def _handle(self, call: str, handler: Handler, request: HttpRequest, send: Send) -> None:
        """Handle a request of a token."""
        tracker = self._tracker
        if tracker is None:
            await http_answers.send_answer(http_answers.PIXEL if call == "pixel" else _NO_TRACKER, send)
            return
        request.address = tracker.addresses.of(request.scope, request.header(b"x-forwarded-for"))
        visit = Visit(call, request, tracker.clock.now())
        refusal: Refusal | None = None
        try:
            answer = await handler(tracker, visit)
        except RequestRefusedError as error:
            refusal, answer = error.refusal, answer_to(error)
        except DisconnectedError:
            return
        except Exception:
            log.exception("tracker request failed", call=call)
            refusal = Refusal(RefusalReason.UNAVAILABLE, None, "an unexpected error occurred and was logged")
            answer = Answer(500, _NO_TRACKER.headers, b'{"success":false}')
        answer = visit.instead or answer
        if refusal is not None and refusal.reason == RefusalReason.OVERLOADED:
            # Nothing else may be done for it: there are too many of them.
            tracker.count(call, refusal.reason)
        else:
            tracker.note(visit, answer, refusal)
        head = request.scope["method"] == "HEAD"
        await http_answers.send_answer(answer, send, visit.readable_by, head=head)


def _is_settings(path: str) -> bool:
    return path.startswith(PREFIX) and path.endswith(SUFFIX)


def _script(request: HttpRequest) -> Answer:
    if request.header(b"if-none-match") == ETAG:
        return Answer(304, _SCRIPT_HEADERS)
    if "gzip" in (request.header(b"accept-encoding") or ""):
        return Answer(200, (*_SCRIPT_HEADERS, (b"content-encoding", b"gzip")), SCRIPT_GZIP)
    return Answer(200, _SCRIPT_HEADERS, SCRIPT)


def _not_allowed(path: str) -> Answer:
    allowed = b"OPTIONS, POST" if path in _POSTS or path == _LIBRARY_METRICS else b"GET, HEAD, OPTIONS"
    return Answer(
        405,
        ((b"allow", allowed), (b"content-type", b"application/json")),
        b'{"success":false,"detail":"method not allowed"}',
    )
