"""The badge: score and band as an image of 40 pixels' height, for lists of conversations. One look-up each."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Final

from markupsafe import Markup
from starlette.responses import Response

from consumer.web.console.api_client import ApiProblem
from consumer.web.console.embed.headers import headers_of
from consumer.web.console.templates import render

if TYPE_CHECKING:
    from starlette.requests import Request

    from consumer.web.console.api_client import ApiClient
    from consumer.web.console.bands import KnownBands
    from consumer.web.console.reader import Reader
    from consumer.web.http.embed_addresses import Embed

_CONFLICT, _GONE = 409, 410
# Seconds for which browsers keep a badge: a list that is drawn again asks for none.
_KEPT: Final = 30
# Pixels: of a digit and of a letter in the sizes below, rather too wide; of the space around.
_DIGIT, _LETTER, _SPACE = 11.5, 7.4, 10
_LONGEST_BAND: Final = 24
_COLOUR = re.compile(r"--(ink|quiet|band-\d|band-\d-ink): light-dark\((#\w+), (#\w+)\);")


@dataclass(frozen=True, slots=True)
class Badge:
    """What a badge shows. score: empty where there is none. place: of the band among five, by warmth."""

    score: str
    band: str = ""
    place: int = 0

    @property
    def score_width(self) -> int:
        """Pixels of the score."""
        return round(len(self.score or "–") * _DIGIT)

    @property
    def band_width(self) -> int:
        """Pixels of the band's ground."""
        return round(len(self.band) * _LETTER + 2 * _SPACE) if self.band else 0

    @property
    def width(self) -> int:
        """Pixels of the whole."""
        return self.score_width + (_SPACE + self.band_width if self.band else 0)


async def badge(request: Request, embed: Embed, api: ApiClient, reader: Reader) -> Response:
    """Return the badge of a contact; of one that was not seen yet, or without a score, one without a number."""
    body = {"contacts": [embed.contact], "profile": embed.profile}
    try:
        answer = (await api.send("POST", "scores/lookup", body)).body
    except ApiProblem as problem:
        # No profile is published.
        if problem.status != _CONFLICT:
            raise
        return _image(request, reader, Badge(""))
    contact = answer["items"][0]["contact"]
    if contact is None:
        return _image(request, reader, Badge(""))
    score, band = reader.number(contact["overall"]), contact["band"]
    if band is None:
        return _image(request, reader, Badge(score))
    known: KnownBands = request.app.state.known_bands
    bands = await known.of(api, embed.account, answer["profile"], answer["version"])
    place = bands.place(band) * 4 // max(1, len(bands.overall) - 1)
    return _image(request, reader, Badge(score, band[:_LONGEST_BAND], min(4, place)))


def expired_badge(request: Request, reader: Reader) -> Response:
    """Return the badge of an address whose time is over."""
    return _image(request, reader, Badge(""), status=_GONE)


def _image(request: Request, reader: Reader, shown: Badge, *, status: int = 200) -> Response:
    style, digest = _style(reader.theme)
    # Of the console's own tokens.
    svg = render("embed/badge.svg", reader, badge=shown, style=Markup(style))  # noqa: S704
    headers = headers_of(request.app.state.embed_origins, styles=f"'sha256-{digest}'")
    headers |= {
        "Cache-Control": f"private, max-age={_KEPT}" if status == 200 else "no-store",  # noqa: PLR2004
        "Vary": "Accept-Language",
    }
    return Response(svg, status, headers, "image/svg+xml")


@cache
def _style(theme: str) -> tuple[str, str]:
    """Return the style of a theme, and its digest, by which the policy allows it: an image loads no stylesheet."""
    light, dark = _rules(0), _rules(1)
    if theme == "auto":
        style = f"{light}@media (prefers-color-scheme: dark){{{dark}}}"
    else:
        style = dark if theme == "dark" else light
    return style, base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()


def _rules(place: int) -> str:
    """Return the colours of the console's tokens: place 0 of light, 1 of dark."""
    tokens = (resources.files("consumer.web.console") / "static" / "styles" / "tokens.css").read_text("utf-8")
    return "".join(f".{name}{{fill:{colours[place]}}}" for name, *colours in _COLOUR.findall(tokens))
