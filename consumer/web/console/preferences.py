"""Language and theme, as one person wants them: cookies of the browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from consumer.web.console import addresses, cookies
from consumer.web.console.page_route import change
from consumer.web.console.reader import LANGUAGE_COOKIE, THEME_COOKIE, THEMES
from consumer.web.console.texts import LANGUAGES

if TYPE_CHECKING:
    from starlette.responses import Response

    from consumer.web.console.visit import Visit

_YEAR: Final = 365 * 86_400


async def _prefer(visit: Visit) -> Response:
    response = visit.redirect(addresses.own(visit.form.text("back")))
    for cookie, field, allowed in ((LANGUAGE_COOKIE, "language", LANGUAGES), (THEME_COOKIE, "theme", THEMES)):
        if (value := visit.form.text(field)) in allowed:
            cookies.give(visit.request, response, cookie, value, seconds=_YEAR)
    return response


ROUTES = [change("/~preferences", _prefer)]
