"""The tracker's answers: a call's result as JSON, the pixel's image, redirects; with CORS by token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from schemas.vocabulary import RefusalReason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import Send

    from consumer.web.tracker.calls.outcome import Refusal
    from consumer.web.tracker.limits import Exceeded

Headers = tuple[tuple[bytes, bytes], ...]

STATUS: Final = {
    RefusalReason.UNKNOWN_KEY: 401,
    RefusalReason.ORIGIN_NOT_ALLOWED: 403,
    RefusalReason.NAME_NOT_ALLOWED: 403,
    RefusalReason.CONTACT_NOT_ALLOWED: 403,
    RefusalReason.MALFORMED: 400,
    RefusalReason.TOO_LARGE: 413,
    RefusalReason.RATE_LIMITED: 429,
    RefusalReason.QUOTA_EXCEEDED: 429,
    RefusalReason.SIGNATURE_INVALID: 400,
    RefusalReason.OVERLOADED: 503,
    RefusalReason.UNAVAILABLE: 503,
}
# Seconds after which a client may try again what Kafka did not take.
_RETRY_AFTER: Final = (b"retry-after", b"5")
# Those of an answer that a page's script may read. Only where they are there: each header costs a microsecond.
_EXPOSED: Final = (
    b"access-control-expose-headers",
    b"Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset",
)
_JSON: Final = (b"content-type", b"application/json")
_NOT_STORED: Final = (b"cache-control", b"no-store")
# A transparent image of one pixel.
GIF: Final = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b"
)
_PIXEL: Final[Headers] = (
    (b"content-type", b"image/gif"),
    (b"cache-control", b"no-store, no-cache, must-revalidate, private, max-age=0"),
    (b"pragma", b"no-cache"),
    # Pages of any site may show it, those with a Cross-Origin-Embedder-Policy too.
    (b"cross-origin-resource-policy", b"cross-origin"),
)
# No Content and Not Modified have no body, so no length either.
_WITHOUT_LENGTH: Final = frozenset({204, 304})
# Refusals that an answer to a batch lists; its counts cover all.
_MOST_LISTED: Final = 100


class Answer(msgspec.Struct, frozen=True):
    """An answer, but for its length and CORS."""

    status: int
    headers: Headers = ()
    body: bytes = b""


SUCCESS: Final = Answer(200, (_JSON,), b'{"success":true}')
PIXEL: Final = Answer(200, _PIXEL, GIF)
# Any page may ask: it says nothing about a token, and keys are no cookies.
PREFLIGHT: Final = Answer(
    204,
    (
        (b"access-control-allow-origin", b"*"),
        (b"access-control-allow-methods", b"GET, POST"),
        (b"access-control-allow-headers", b"Content-Type, Content-Encoding, Authorization, X-Write-Key"),
        # Seconds for which a browser need not ask again: the most that Chromium observes.
        (b"access-control-max-age", b"7200"),
    ),
)


def refused(refusal: Refusal, exceeded: Exceeded | None = None) -> Answer:
    """Return the answer to a call of which nothing was recorded. exceeded: the limit, where that is the reason."""
    headers: list[tuple[bytes, bytes]] = [_JSON]
    status = STATUS[refusal.reason]
    if exceeded is not None:
        headers += _limit_headers(exceeded)
    elif status == 503:  # noqa: PLR2004 - Service Unavailable
        headers += (_RETRY_AFTER, _EXPOSED)
    elif status == 401:  # noqa: PLR2004 - Unauthorized
        # Not `Basic`: a browser would ask the visitors of a page for a password.
        headers.append((b"www-authenticate", b'WriteKey realm="tracker"'))
    return Answer(status, tuple(headers), msgspec.json.encode({"success": False, **_described(refusal)}))


def of_batch(accepted: int, refusals: Sequence[tuple[int, Refusal]]) -> Answer:
    """Return the answer to a batch: how many calls were accepted, and which were refused."""
    body = {
        "success": accepted > 0,
        "accepted": accepted,
        "refused": [{"index": index, **_described(refusal)} for index, refusal in refusals[:_MOST_LISTED]],
    }
    if len(refusals) > _MOST_LISTED:
        body["refused_count"] = len(refusals)
    return Answer(200 if accepted else 400, (_JSON,), msgspec.json.encode(body))


def json_of(status: int, body: Any, *headers: tuple[bytes, bytes]) -> Answer:
    """Return an answer of JSON."""
    return Answer(status, (_JSON, *headers), msgspec.json.encode(body))


def redirect(location: bytes) -> Answer:
    """Return a redirect that is not cached: each click is recorded. location: ASCII without control characters."""
    return Answer(302, ((b"location", location), _NOT_STORED, (b"referrer-policy", b"no-referrer")))


async def send_answer(answer: Answer, send: Send, origin: str | None = None, *, head: bool = False) -> None:
    """Send an answer. origin: of a page that may read it, `*`: all may. head: without the body."""
    headers = [*answer.headers]
    if answer.status not in _WITHOUT_LENGTH:
        headers.append((b"content-length", b"%d" % len(answer.body)))
    if origin is not None:
        headers.append((b"access-control-allow-origin", origin.encode("latin-1", "replace")))
        if origin != "*":
            headers.append((b"vary", b"Origin"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else answer.body})


def _described(refusal: Refusal) -> dict[str, str]:
    described = {"reason": str(refusal.reason)}
    if refusal.field is not None:
        described["field"] = refusal.field
    if refusal.detail is not None:
        described["detail"] = refusal.detail
    return described


def _limit_headers(exceeded: Exceeded) -> list[tuple[bytes, bytes]]:
    wait = b"%d" % exceeded.wait
    return [
        (b"retry-after", wait),
        (b"ratelimit-limit", b"%d" % exceeded.limit),
        (b"ratelimit-remaining", b"0"),
        (b"ratelimit-reset", wait),
        _EXPOSED,
        (b"ratelimit-policy", b"%d;w=%d" % (exceeded.limit, exceeded.window)),
    ]
