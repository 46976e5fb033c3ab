"""`/console/{account}/contacts/{contact}`: the page of one contact."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from consumer.web.console.api_client import part
from consumer.web.console.page_route import page

if TYPE_CHECKING:
    from starlette.responses import Response

    from consumer.web.console.visit import Visit


async def _show(visit: Visit) -> Response:
    contact = f"contacts/{part(visit.request.path_params['contact'])}"
    found, timeline = await asyncio.gather(visit.api.get(contact), visit.api.get(f"{contact}/timeline"))
    return visit.page("contact/contact.html", contact=found.body, timeline=timeline.body)


ROUTES = [page("/{account}/contacts/{contact:path}", _show, permission="read")]
