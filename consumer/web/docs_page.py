"""`/docs`: the OpenAPI document as pages for people, by Swagger UI.

Its files come with the package `fastapi-offline`: nothing is loaded from elsewhere, and the page works under a
strict Content-Security-Policy (docs/decisions/0036-pages-for-people.md). Needs no token, as `/openapi.json`.
"""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

# Styles of elements are set by the script, which the policy allows; its icons are `data:` URLs.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Engagement API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<main id="api"></main>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
# validatorUrl: else the document of a public address would be sent to a validator on the Internet.
_START = """SwaggerUIBundle({
    url: "openapi.json",
    dom_id: "#api",
    deepLinking: true,
    docExpansion: "none",
    defaultModelsExpandDepth: 0,
    filter: true,
    validatorUrl: null,
});
"""
_FILES = ("swagger-ui.css", "swagger-ui-bundle.js")


def routes() -> list[Route]:
    """Return the routes of the page and its files."""
    return [
        Route("/docs", _page),
        Route("/docs/start.js", _start),
        *(Route(f"/docs/{name}", _file(name)) for name in _FILES),
    ]


async def _page(_request: Request) -> Response:
    return HTMLResponse(_PAGE, headers=_HEADERS)


async def _start(_request: Request) -> Response:
    return Response(_START, media_type="text/javascript", headers=_HEADERS)


def _file(name: str) -> Callable[[Request], Awaitable[Response]]:
    async def respond(_request: Request) -> Response:
        return FileResponse(str(resources.files("fastapi_offline") / "static" / name), headers=_HEADERS)

    return respond
