"""Pages of nobody's session: signing in, and what could not be answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse

from consumer.web.console.reader import reader_of
from consumer.web.console.templates import render

if TYPE_CHECKING:
    from starlette.requests import Request


def outside_page(request: Request, template: str, /, *, status: int = 200, **context: Any) -> HTMLResponse:
    """Return a page that has no account and no navigation."""
    return HTMLResponse(render(template, reader_of(request), status=status, **context), status)
