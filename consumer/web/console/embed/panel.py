"""The panel: scores, why, and what happened last, in a frame of the host product's page. It changes nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast
from zoneinfo import ZoneInfo

from starlette.responses import HTMLResponse

from consumer.web.console.api_client import ApiProblem, part, query
from consumer.web.console.contact import timeline
from consumer.web.console.contact.places import places_of
from consumer.web.console.contact.why import why
from consumer.web.console.embed.headers import headers_of
from consumer.web.console.pass_through import OfApi
from consumer.web.console.templates import render

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from consumer.web.console.api_client import ApiClient
    from consumer.web.console.bands import KnownBands
    from consumer.web.console.reader import Reader
    from consumer.web.http.auth import Claims
    from consumer.web.http.embed_addresses import Embed

_NOT_FOUND: Final = 404
# Items of the timeline.
_LATEST: Final = 8


async def panel(
    request: Request, embed: Embed, api: ApiClient, outside: ApiClient, reader: Reader
) -> Response:
    """Return the panel of a contact. api: of the account; outside: of no account. Raises ApiProblem."""
    path = f"contacts/{part(embed.contact)}"
    account = (await outside.get(f"accounts/{part(embed.account)}")).body
    reader = replace(reader, zone=ZoneInfo(account["time_zone"]))
    try:
        about, groups, explanation, items = await asyncio.gather(
            api.get(path),
            api.get("groups"),
            api.get(f"{path}/score/explanation", profile=embed.profile),
            api.get(f"{path}/timeline", profile=embed.profile, limit=_LATEST),
        )
    except ApiProblem as problem:
        if problem.status != _NOT_FOUND:
            raise
        return message(request, reader, 200, reader.texts.gettext("Not seen yet."), embed=embed)
    scores, known = explanation.body, cast("KnownBands", request.app.state.known_bands)
    profile = next(each for each in about.body["profiles"] if each["profile"] == scores["profile"])
    context = {
        "contact": about.body,
        "profile": profile,
        "places": places_of(groups.body["items"]),
        "bands": await known.of(api, embed.account, scores["profile"], scores["version"]),
        "why": why(scores, ()),
        "days": timeline.days(items.body["items"], reader, continues=False),
        "embed": embed,
        "url": console_url(embed),
    }
    return _page(request, reader, "embed/panel.html", 200, **context)


def message(
    request: Request, reader: Reader, status: int, text: str, *, embed: Embed | None = None
) -> Response:
    """Return a panel that says something in place of a contact. embed: it may appear by and by."""
    return _page(request, reader, "embed/message.html", status, text=text, embed=embed)


def live_events(request: Request, embed: Embed, claims: Claims) -> Response:
    """Return the API's events of the contact, for the panel that is open."""
    path = f"/v1/accounts/{embed.account}/events"
    return OfApi(request.app.state.api, claims, path.encode(), query({"contact": embed.contact}).encode())


def console_url(embed: Embed) -> str:
    """Return the address of the contact's page in the console, for those who may sign in there."""
    own = f"/console/{part(embed.account)}/contacts/{part(embed.contact)}"
    asked = query({"profile": embed.profile})
    return f"{own}?{asked}" if asked else own


def _page(request: Request, reader: Reader, template: str, status: int, **context: Any) -> Response:
    origins = request.app.state.embed_origins
    html = render(template, reader, origins=origins, **context)
    return HTMLResponse(html, status, headers_of(origins))
