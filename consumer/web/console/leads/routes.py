"""`/console/{account}/leads`: contacts by score, with filters in the address."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from consumer.web.console.bands import read_bands
from consumer.web.console.page_route import page

if TYPE_CHECKING:
    from starlette.responses import Response

    from consumer.web.console.visit import Visit

# Filters of the API that the page passes on as they are.
_FILTERS: Final = ("profile", "sort", "q", "group", "min", "max", "band", "owner", "segment", "cursor")


async def _show(visit: Visit) -> Response:
    asked = {name: visit.request.query_params.get(name, "") for name in _FILTERS}
    groups, profiles, segments = await asyncio.gather(
        visit.api.get("groups"), visit.api.get("profiles"), visit.api.get("segments")
    )
    published = [each for each in profiles.body["items"] if each["version"] is not None]
    if not published:
        return visit.page("leads/nothing_published.html")
    contacts = (await visit.api.get("contacts", **asked, change=True)).body
    return visit.page(
        "leads/leads.html",
        asked=asked,
        contacts=contacts,
        groups=groups.body["items"],
        profiles=published,
        segments=segments.body["items"],
        bands=await read_bands(visit, contacts["profile"], contacts["version"]),
        most=max((each["overall"] for each in contacts["items"]), default=0),
    )


ROUTES = [page("/{account}/leads", _show, permission="read")]
