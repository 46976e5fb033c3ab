"""A small shop with the tracker on its pages: what `engagement demo --serve` shows, and tests visit with a browser.

Nothing of it is stored: the form's answer is a page that says thanks. Its Content-Security-Policy is the one that a
careful site with the tracker has (docs/tracker.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from importlib import resources
from string import Template
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

# Title and file of each page by its path. Prices are one page, which changes its address by itself.
_PAGES = {
    "/": ("Fern & Clay", "home.html"),
    "/pricing": ("Pricing", "pricing.html"),
    "/pricing/{plan}": ("Pricing", "pricing.html"),
    "/article": ("How to water a fern", "article.html"),
    "/contact": ("Contact", "contact.html"),
    "/thanks": ("Thank you", "thanks.html"),
    "/privacy": ("Privacy", "privacy.html"),
}
_ASSETS = {"site.css": "text/css", "site.js": "text/javascript", "consent.js": "text/javascript"}
_ASKING = '<script defer src="/consent.js"></script>'


def _text(name: str) -> str:
    return (resources.files(__name__) / name).read_text("utf-8")


_LAYOUT = Template(_text("layout.html"))
_MAIL = Template(_text("mail.html"))


@dataclass(frozen=True, slots=True)
class Tracking:
    """The tracker as the site uses it.

    host: where it is, `http://127.0.0.1:8080`. asks_first: nothing is recorded before the visitor has consented.
    mail_pixel, mail_click: signed links of the sample e-mail.
    """

    host: str
    write_key: str
    asks_first: bool = False
    mail_pixel: str = "data:,"
    mail_click: str = "/pricing"

    @property
    def tag(self) -> str:
        """The tag that loads the script."""
        consent = ' data-consent="required"' if self.asks_first else ""
        source = escape(f"{self.host}/tracker.js")
        tag = f'<script async src="{source}" data-write-key="{escape(self.write_key)}"{consent}></script>'
        return f"{tag}\n{_ASKING}" if self.asks_first else tag


def application(tracking: Tracking) -> Starlette:
    """Return the site as an ASGI application."""
    policy = _policy(tracking.host)
    routes = [Route("/contact", _sent, methods=["POST"])]
    for path, (title, file) in _PAGES.items():
        html = _LAYOUT.substitute(title=escape(title), tracker=tracking.tag, content=_text(file))
        routes.append(Route(path, _answer(html, "text/html", policy)))
    # An e-mail as its reader sees it: without a script.
    mail = _MAIL.substitute(pixel=escape(tracking.mail_pixel), click=escape(tracking.mail_click))
    routes.append(Route("/mail", _answer(mail, "text/html", policy)))
    for name, media_type in _ASSETS.items():
        routes.append(Route(f"/{name}", _answer(_text(name), media_type, policy)))
    return Starlette(routes=routes)


def _answer(content: str, media_type: str, policy: str) -> Callable[[Request], Awaitable[Response]]:
    headers = {"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff"}

    async def respond(_request: Request) -> Response:
        return Response(content, media_type=media_type, headers=headers)

    return respond


async def _sent(_request: Request) -> Response:
    return RedirectResponse("/thanks", status_code=303)


def _policy(host: str) -> str:
    return (
        f"default-src 'none'; script-src 'self' {host}; connect-src {host}; img-src 'self' data: {host}; "
        "style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
