"""Addresses that requests name: where to lead back to, never to another site."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from starlette.requests import Request

HOME: Final = "/console"


def own(to: str) -> str:
    """Return where to lead: a page of the console as it is named, else the first one."""
    try:
        parts = urlsplit(to)
    except ValueError:
        return HOME
    is_own = not parts.scheme and not parts.netloc and (to == HOME or to.startswith((f"{HOME}/", f"{HOME}?")))
    return to if is_own and "\\" not in to else HOME


def of(request: Request) -> str:
    """Return path and query of a request as it was sent: an id in it may have any sign, quoted."""
    path: bytes = request.scope["raw_path"]
    asked: bytes = request.scope["query_string"]
    return (path + b"?" + asked if asked else path).decode("latin-1")
