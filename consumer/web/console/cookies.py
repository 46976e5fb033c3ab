"""Cookies of the console: out of the reach of scripts, and over TLS only where browsers come by it."""

from __future__ import annotations

import base64
import hmac
import json
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from consumer.web.console.sessions import Session

SameSite = Literal["lax", "strict"]

PATH: Final = "/console"
# Seconds that what a change says waits for the page that shows it.
_WAITS: Final = 60


def give(
    request: Request,
    response: Response,
    name: str,
    value: str,
    *,
    seconds: int,
    path: str = PATH,
    same_site: SameSite = "lax",
) -> None:
    """Give a browser a cookie."""
    # Settings know of TLS where a proxy ends it.
    secure = bool(request.app.state.secure) or request.url.scheme == "https"
    response.set_cookie(
        name, value, max_age=seconds, path=path, secure=secure, httponly=True, samesite=same_site
    )


def carry(
    request: Request,
    response: Response,
    session: Session,
    name: str,
    content: object,
    *,
    same_site: SameSite = "lax",
) -> None:
    """Give what the next page of this session is to show. content: of JSON."""
    value = base64.urlsafe_b64encode(json.dumps(content, ensure_ascii=False).encode()).decode()
    sealed = f"{value}.{session.signature(name, value)}"
    give(request, response, name, sealed, seconds=_WAITS, same_site=same_site)


def carried(request: Request, session: Session, name: str) -> Any:
    """Return what `carry` gave; None: nothing, or a cookie that no page of this session gave.

    Another site below the same domain can set cookies too.
    """
    value, _, signature = request.cookies.get(name, "").rpartition(".")
    if not hmac.compare_digest(session.signature(name, value).encode(), signature.encode()):
        return None
    return json.loads(base64.urlsafe_b64decode(value))


def forget(response: Response, name: str, *, path: str = PATH) -> None:
    """Have the browser forget a cookie."""
    response.delete_cookie(name, path=path)
