"""`…/catalog/inbox`: types of events that no definition takes, and the way to make one a definition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.web.console.catalog.try_event import as_text

if TYPE_CHECKING:
    from starlette.responses import Response

    from consumer.web.console.visit import Visit


async def show(visit: Visit) -> Response:
    """List the types, the most frequent first."""
    cursor = visit.request.query_params.get("cursor", "")
    page = (await visit.api.get("inbox", cursor=cursor)).body
    return visit.page("catalog/inbox.html", types=page["items"], following=page["next"], as_text=as_text)
